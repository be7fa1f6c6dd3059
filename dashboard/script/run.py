"""What Streamlit runs at every interaction.

It has a folder of its own: beside it Streamlit would take ``pages/`` for scripts, and it puts the
script's folder before all others on the path of imports.
"""

from dashboard.app import main

main()
