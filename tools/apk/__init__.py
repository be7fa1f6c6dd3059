"""Builds the Android probe (APK) from Debian packages and Maven jars, and checks what was built.

``python -m tools.apk.build`` writes ``device_probes/android/assets``, ``python -m tools.apk.check``
runs every gate on it. See ``docs/apk.md``.
"""
