"""Every option of Streamlit that matters here, so that a file of the user's cannot change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.look import DARK_BACKGROUND, LIGHT_BACKGROUND, SERIES

_LIGHT = {
    "primaryColor": "#2f6fbf",
    "backgroundColor": LIGHT_BACKGROUND,
    "secondaryBackgroundColor": "#f3f5f8",
    "textColor": "#1b2129",
    "borderColor": "#d8dee5",
    "linkColor": "#2f6fbf",
    "dataframeHeaderBackgroundColor": "#f3f5f8",
}
_DARK = {
    "primaryColor": "#5b9bea",
    "backgroundColor": DARK_BACKGROUND,
    "secondaryBackgroundColor": "#1b232d",
    "textColor": "#e3e8ee",
    "borderColor": "#2f3945",
    "linkColor": "#7db2f0",
    "dataframeHeaderBackgroundColor": "#1b232d",
}
OPTIONS: Mapping[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "logger.level": "warning",
    "runner.fastReruns": True,
    "runner.magicEnabled": False,
    "server.address": "127.0.0.1",
    "server.allowedHosts": ["127.0.0.1", "localhost"],
    "server.baseUrlPath": "",
    "server.corsAllowedOrigins": [],
    "server.disconnectedSessionTTL": 30,
    "server.enableAgentApi": False,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": 1,
    "server.runOnSave": False,
    "server.showEmailPrompt": False,
    "server.sslCertFile": None,
    "server.sslKeyFile": None,
    "theme.baseRadius": "0.4rem",
    "theme.chartCategoricalColors": list(SERIES),
    "theme.headingFontSizes": ["1.75rem", "1.3rem", "1.1rem"],
    "theme.metricValueFontSize": "1.6rem",
    "theme.paddingTop": "1.5rem",
    "theme.showWidgetBorder": True,
    **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in _DARK.items()},
}


def apply(port: int) -> None:
    """Set them; the server is not made before."""
    from streamlit import config  # noqa: PLC0415 - half a second that '--help' does not need

    config.get_config_options(options_from_flags={**OPTIONS, "server.port": port})
