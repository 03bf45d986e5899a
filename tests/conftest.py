"""Settings for every test."""

import os

from hypothesis import settings

# No deadline: machines differ, and a slow one is no fault. In CI the examples are the same each time, so that a red run
# can be repeated; elsewhere they are new ones each time.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")
