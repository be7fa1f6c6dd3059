"""What ``dumpsys`` prints, service by service, in the words of the phone's Android version."""
