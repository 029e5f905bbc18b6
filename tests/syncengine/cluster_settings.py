"""Settings of the clusters of test_cluster.py: the deployment's own, with the engine alone and what a test shortens."""

import os

from portal.config.settings import *  # noqa: F403
from portal.config.settings import Q_CLUSTER

INSTALLED_APPS = ["syncengine", "django_q", "django.contrib.contenttypes"]
Q_CLUSTER = Q_CLUSTER | {"recycle": int(os.environ.get("CLUSTER_TEST_RECYCLE", "500"))}
# What these name lives in the portal.
EVENT_SUBSCRIBERS = []
CLUSTER_COMPANIONS = {}
CONNECTOR_ARRIVALS = []
KEEPER_DUTIES = {}
TICK_DUTIES = []
