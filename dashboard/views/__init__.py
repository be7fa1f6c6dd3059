"""Pure views: rows in, a chart, a table or plain values out. Nothing here knows Streamlit."""
