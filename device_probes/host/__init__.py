"""The host probe: this computer's sound interfaces through PortAudio.

``driver`` runs in the bench, everything else in a process of its own per connection: sound
libraries print, hang and crash, and must take nothing with them. Importing this package does not
need PortAudio.
"""
