"""What people see: one blueprint a page. `BLUEPRINTS` is all of them.

May import: api, auth, intake, models, openapi.
"""

from webapp.pages.account import bp as _account
from webapp.pages.audit import bp as _audit
from webapp.pages.dashboard import bp as _dashboard
from webapp.pages.docs import bp as _docs
from webapp.pages.drift import bp as _drift
from webapp.pages.embed_demo import bp as _embed_demo
from webapp.pages.home import bp as _home
from webapp.pages.jobs.job import bp as _job
from webapp.pages.jobs.job_bulk import bp as _job_bulk
from webapp.pages.jobs.jobs_page import bp as _jobs
from webapp.pages.library import bp as _library
from webapp.pages.media_status import bp as _media_status
from webapp.pages.modules import bp as _modules
from webapp.pages.operation import bp as _operation
from webapp.pages.overview import bp as _overview
from webapp.pages.people import bp as _people
from webapp.pages.subtitles import bp as _subtitles
from webapp.pages.upload import bp as _upload
from webapp.pages.videos import bp as _videos
from webapp.pages.watch import bp as _watch

BLUEPRINTS = (
    _docs,
    _drift,
    _home,
    _jobs,
    _job,
    _job_bulk,
    _operation,
    _media_status,
    _modules,
    _audit,
    _dashboard,
    _embed_demo,
    _library,
    _videos,
    _watch,
    _upload,
    _subtitles,
    _overview,
    _account,
    _people,
)
