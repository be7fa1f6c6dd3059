"""iPhones over usbmux: facts, states, alerts, and the door to WebDriverAgent."""
