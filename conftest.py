"""What all white-box tests share: examples judged by their truth, never by their time; and signals that can be sent."""

import signal

from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")

# A shell starts what it runs in the background with SIGINT ignored, and every program a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
