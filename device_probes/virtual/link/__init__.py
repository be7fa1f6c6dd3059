"""What the ways to a virtual phone (``adbd``, ``usbmuxd``) have in common, whatever they speak.

A phone behind a link lives on one event loop and is reached from any thread (:mod:`.loop`); things
happen to it at exact moments (:mod:`.triggers`, :mod:`.moments`); bytes run between a host and a
socket of it (:mod:`.pump`); its probe app is a process that serves one host after the other
(:mod:`.probe_process`) and reaches the phone's sound by the rules of its system
(:mod:`.app_device`). A fleet of them is a program (:mod:`.program`) that its parent runs in a
process of its own (:mod:`.process`). Nothing here knows either link.
"""
