"""What must hold for a built APK. Each gate returns its complaints; none means it passed."""
