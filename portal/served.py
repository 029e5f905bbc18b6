"""The WSGI application as `manage.py up` serves it: the server's worker dies with the server, however that dies."""

import os

from portal.config.wsgi import application
from syncengine.processes import die_with_parent

die_with_parent(os.getppid())

__all__ = ["application"]
