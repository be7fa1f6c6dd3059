"""One module a page: Streamlit calls only. What they show is made in :mod:`dashboard.views`."""
