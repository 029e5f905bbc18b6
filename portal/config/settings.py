"""One settings module; the environment says what differs (docs/configuration.md lists every name)."""

from pathlib import Path

import environ
from django.utils.csp import CSP

from portal.config.mail import mailers_from
from portal.config.secrets import secret_from

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("HEADRACE_VAR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- identity -------------------------------------------------------------------------------------------------------

DEBUG = env.bool("HEADRACE_DEBUG", default=False)
SECRET_KEY = env.str("HEADRACE_SECRET_KEY", default="") or secret_from(VAR_DIR / "secret_key", random_bytes=48)
# Newest first: the first key encrypts, all of them decrypt. Never SECRET_KEY, never in the database.
HEADRACE_ENCRYPTION_KEYS = env.list("HEADRACE_ENCRYPTION_KEYS", default=[]) or [
    line for line in secret_from(VAR_DIR / "encryption_keys").splitlines() if line.strip()
]
HEADRACE_PORTAL_URL = env.str("HEADRACE_PORTAL_URL", default="http://127.0.0.1:8000").rstrip("/")
HEADRACE_ENVIRONMENT = env.str("HEADRACE_ENVIRONMENT", default="development")
HEADRACE_VERSION = "0.1.0"
ALLOWED_HOSTS = env.list("HEADRACE_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("HEADRACE_TRUSTED_ORIGINS", default=[])

# --- apps and requests ----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "portal",
    "customdata",
    "pushops",
    "syncengine",
    "ninja",
    "django_q",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "portal.config.urls"
WSGI_APPLICATION = "portal.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_USER_MODEL = "portal.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- browser protections --------------------------------------------------------------------------------------------

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
HEADRACE_HTTPS = env.bool("HEADRACE_HTTPS", default=False)
SECURE_SSL_REDIRECT = HEADRACE_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HEADRACE_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HEADRACE_HTTPS
SECURE_HSTS_PRELOAD = HEADRACE_HTTPS
HEADRACE_BEHIND_PROXY = env.bool("HEADRACE_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HEADRACE_BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HEADRACE_HTTPS
SESSION_COOKIE_NAME = "__Host-headrace" if HEADRACE_HTTPS else "headrace"
CSRF_COOKIE_NAME = "__Host-csrf" if HEADRACE_HTTPS else "csrftoken"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True  # the token reaches htmx from a meta tag
X_FRAME_OPTIONS = "DENY"

# --- database -------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'headrace.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE, or read-then-write transactions die with "database is locked" whatever the timeout (measured).
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
            "PRAGMA cache_size=-20000;PRAGMA journal_size_limit=27103364;"
        ),
    }
    # Workers of one test share a database file; in-memory databases cannot be seen by other processes.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # A worker that hangs inside a transaction must not keep its row locks from the one that takes over.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c idle_in_transaction_session_timeout=60000"
    # A statement that a connection asks for the fifth time is prepared: up to a third off a short request.
    if env.bool("HEADRACE_PREPARED_STATEMENTS", default=True):
        DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 5}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- queue, locks, buckets, cache -----------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# The dataset row is the truth and the queue only wakes a worker, so a lost or doubled task is harmless: one attempt,
# no results worth keeping. retry > longest run x prefetch rule of django-q2.
Q_CLUSTER = {
    "name": env.str("HEADRACE_QUEUE", default="headrace"),
    "workers": env.int("HEADRACE_WORKERS", default=2),
    "queue_limit": 1,
    "bulk": 1,
    "timeout": env.int("HEADRACE_TASK_TIMEOUT", default=3600),
    "retry": env.int("HEADRACE_TASK_TIMEOUT", default=3600) * 3,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": -1,
    "recycle": 500,
    "max_rss": 600_000,
    "poll": env.float("HEADRACE_QUEUE_POLL", default=0.1),
    "time_zone": "UTC",
    "label": "Queue",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# --- the engine (units in the names) --------------------------------------------------------------------------------

HEADRACE_LEASE_SECONDS = env.float("HEADRACE_LEASE_SECONDS", default=60)
HEADRACE_SWEEP_SECONDS = env.float("HEADRACE_SWEEP_SECONDS", default=15)
HEADRACE_REQUEUE_SECONDS = env.float("HEADRACE_REQUEUE_SECONDS", default=60)
HEADRACE_MAX_LOST_WORKERS = env.int("HEADRACE_MAX_LOST_WORKERS", default=5)
HEADRACE_STORAGE_CHUNK = env.int("HEADRACE_STORAGE_CHUNK", default=1000)
HEADRACE_PREFETCH = env.bool("HEADRACE_PREFETCH", default=True)
HEADRACE_MAX_PAGES = env.int("HEADRACE_MAX_PAGES", default=100_000)
HEADRACE_MAX_PAGE_BYTES = env.int("HEADRACE_MAX_PAGE_BYTES", default=64 * 1024 * 1024)
HEADRACE_MAX_PAGE_RECORDS = env.int("HEADRACE_MAX_PAGE_RECORDS", default=50_000)
HEADRACE_MAX_RECORD_BYTES = env.int("HEADRACE_MAX_RECORD_BYTES", default=1024 * 1024)
HEADRACE_MAX_FILE_BYTES = env.int("HEADRACE_MAX_FILE_BYTES", default=32 * 1024 * 1024)
HEADRACE_CONNECT_SECONDS = env.float("HEADRACE_CONNECT_SECONDS", default=10)
HEADRACE_FIRST_BYTE_SECONDS = env.float("HEADRACE_FIRST_BYTE_SECONDS", default=30)
HEADRACE_PAGE_SECONDS = env.float("HEADRACE_PAGE_SECONDS", default=120)
HEADRACE_RETRY_BASE_SECONDS = env.float("HEADRACE_RETRY_BASE_SECONDS", default=1.0)
HEADRACE_RETRIES = env.int("HEADRACE_RETRIES", default=4)
HEADRACE_MAX_WAIT_SECONDS = env.float("HEADRACE_MAX_WAIT_SECONDS", default=6 * 3600)
HEADRACE_INVALID_SHARE = env.float("HEADRACE_INVALID_SHARE", default=0.05)
HEADRACE_OVERLAP_MINUTES = env.int("HEADRACE_OVERLAP_MINUTES", default=10)
HEADRACE_RECONCILE_DAYS = env.int("HEADRACE_RECONCILE_DAYS", default=7)
HEADRACE_HISTORY_DAYS = env.int("HEADRACE_HISTORY_DAYS", default=90)
HEADRACE_PURGE_DAYS = env.int("HEADRACE_PURGE_DAYS", default=7)
HEADRACE_ALLOW_HOURLY = env.bool("HEADRACE_ALLOW_HOURLY", default=True)
# host:port pairs inside private ranges that this deployment may call; everything else private is refused.
HEADRACE_OUTBOUND_ALLOW = env.list("HEADRACE_OUTBOUND_ALLOW", default=[])
HEADRACE_SANDBOX_URL = env.str("HEADRACE_SANDBOX_URL", default="http://127.0.0.1:8010").rstrip("/")
# Whether the platform's own text of every record is kept, or only where custom fields need it.
HEADRACE_KEEP_RAW = env.bool("HEADRACE_KEEP_RAW", default=False)
# What a custom field shows where its path finds nothing: auto, sentinel or null (docs/custom-data.md).
HEADRACE_UNRESOLVED_FIELDS = env.str("HEADRACE_UNRESOLVED_FIELDS", default="auto", choices=["auto", "sentinel", "null"])
HEADRACE_MAX_CUSTOM_FIELDS = env.int("HEADRACE_MAX_CUSTOM_FIELDS", default=500)
# Percentage points: when a custom field's share of found values falls by as many between two reads, an event says so.
HEADRACE_COVERAGE_DROP_POINTS = env.float("HEADRACE_COVERAGE_DROP_POINTS", default=20)
# Called with each event, in the transaction that marks it as told; they write rows and nothing else.
EVENT_SUBSCRIBERS = [
    "portal.alerting.matching.event_happened",
    "portal.alerting.rules.event_happened",
    "portal.alerting.incidents.event_happened",
    "customdata.coverage.event_happened",
]
# Processes that every worker cluster starts beside its own, by name: the function each runs.
CLUSTER_COMPANIONS = {"courier": "portal.alerting.courier.run_courier"}

# What features have every cluster's keeper do, every so many seconds, and the tick each minute.
KEEPER_DUTIES = {"pushops.run.attending.attend": env.float("HEADRACE_PUSH_BEAT_SECONDS", default=1)}
TICK_DUTIES = ["pushops.run.purging.purge_pushes", "syncengine.actions.offline.tidy_offline"]

# --- push operations ------------------------------------------------------------------------------------------------

# When an operation without a timeout of its own ends as TimedOut.
HEADRACE_PUSH_MAX_HOURS = env.float("HEADRACE_PUSH_MAX_HOURS", default=24)
# What a push does while a read of its type stores records: wait or refuse.
HEADRACE_PUSH_DURING_READ = env.str("HEADRACE_PUSH_DURING_READ", default="wait")
# Whether a write is followed by a read of its type, where the caller allows it: never, missing (only when the platform
# did not show what it wrote) or always.
HEADRACE_PUSH_SYNC = env.str("HEADRACE_PUSH_SYNC", default="missing")
# After a request was cut off: how long it may still be at work at the platform, so that finding nothing proves nothing;
# and how long a platform is trusted to know its idempotency key.
HEADRACE_PUSH_SETTLE_SECONDS = env.float("HEADRACE_PUSH_SETTLE_SECONDS", default=120)
HEADRACE_PUSH_KEY_SECONDS = env.float("HEADRACE_PUSH_KEY_SECONDS", default=300)

# --- offline platforms ----------------------------------------------------------------------------------------------

# After so long without a sign of life a connector counts as missing, and work for its platform waits.
HEADRACE_CONNECTOR_MISSING_SECONDS = env.float("HEADRACE_CONNECTOR_MISSING_SECONDS", default=30)
# How long a connector's question for work is held open, and how many of them one portal process holds: each takes a
# thread. A connector that finds no place asks each second.
HEADRACE_CONNECTOR_HOLD_SECONDS = env.float("HEADRACE_CONNECTOR_HOLD_SECONDS", default=15)
HEADRACE_CONNECTOR_HOLDS = env.int("HEADRACE_CONNECTOR_HOLDS", default=1)
# The largest answer, as it comes over the wire, that a connector may hand in.
HEADRACE_CONNECTOR_MAX_BYTES = env.int("HEADRACE_CONNECTOR_MAX_BYTES", default=32 * 1024 * 1024)
# Requests a minute of all connectors of one integration. 0 is no limit.
HEADRACE_CONNECTOR_PER_MINUTE = env.int("HEADRACE_CONNECTOR_PER_MINUTE", default=6_000)
# Called with an integration's id, in the transaction that notes that its connector is there.
CONNECTOR_ARRIVALS = ["pushops.run.turns.connector_came"]

# --- webhooks -------------------------------------------------------------------------------------------------------

HEADRACE_MAX_WEBHOOK_CONSUMERS = env.int("HEADRACE_MAX_WEBHOOK_CONSUMERS", default=50)
HEADRACE_WEBHOOK_SECONDS = env.float("HEADRACE_WEBHOOK_SECONDS", default=15)
HEADRACE_WEBHOOK_CONCURRENCY = env.int("HEADRACE_WEBHOOK_CONCURRENCY", default=128)
HEADRACE_WEBHOOK_POLL_SECONDS = env.float("HEADRACE_WEBHOOK_POLL_SECONDS", default=0.25)
HEADRACE_WEBHOOK_FAILING_MINUTES = env.float("HEADRACE_WEBHOOK_FAILING_MINUTES", default=30)
HEADRACE_WEBHOOK_DISABLE_DAYS = env.float("HEADRACE_WEBHOOK_DISABLE_DAYS", default=5)

# --- alerting rules -------------------------------------------------------------------------------------------------

# How often rules are checked for which no event comes: no success for too long, authorisations about to lapse.
HEADRACE_RULES_SECONDS = env.float("HEADRACE_RULES_SECONDS", default=60)
# Hosts whose webhooks take Slack's form of a message.
HEADRACE_SLACK_HOSTS = env.list("HEADRACE_SLACK_HOSTS", default=["hooks.slack.com", "hooks.slack-gov.com"])
# e.g. smtp+tls://user:password@mail.example.com:587; empty sends no e-mail, consolemail:// prints it.
MAILERS = mailers_from(env.str("EMAIL_URL", default=""), seconds=env.float("HEADRACE_EMAIL_SECONDS", default=15))
SILENCED_SYSTEM_CHECKS = ["mail.W001"]  # sending no e-mail is a choice; the log of deliveries says so
DEFAULT_FROM_EMAIL = env.str("HEADRACE_EMAIL_FROM", default="Headrace <headrace@localhost>")

# --- the API --------------------------------------------------------------------------------------------------------

# Requests a day of one key: this many, times one more than there are companies with a linked connection. 0 is no limit.
HEADRACE_API_DAILY_QUOTA = env.int("HEADRACE_API_DAILY_QUOTA", default=100_000)
# Requests a minute from one address, whatever its keys. 0 is no limit.
HEADRACE_API_ADDRESS_PER_MINUTE = env.int("HEADRACE_API_ADDRESS_PER_MINUTE", default=6_000)
# Requests a minute about one connection, of custom fields (0: no limit).
HEADRACE_API_CONNECTOR_PER_MINUTE = env.int("HEADRACE_API_CONNECTOR_PER_MINUTE", default=200)
# Live keys of the deployment; the contract has ten.
HEADRACE_MAX_API_KEYS = env.int("HEADRACE_MAX_API_KEYS", default=10)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("HEADRACE_MAX_BODY_BYTES", default=10 * 1024 * 1024)

# --- logs -----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("HEADRACE_LOG_LEVEL", default="INFO")},
    "loggers": {"django-q": {"handlers": [], "level": "WARNING", "propagate": True}},
}
