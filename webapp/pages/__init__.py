"""What people see: one blueprint a page. `BLUEPRINTS` is all of them."""

from webapp.pages.audit import bp as _audit
from webapp.pages.drift import bp as _drift
from webapp.pages.home import bp as _home
from webapp.pages.job import bp as _job
from webapp.pages.job_bulk import bp as _job_bulk
from webapp.pages.jobs import bp as _jobs
from webapp.pages.library import bp as _library
from webapp.pages.operation import bp as _operation
from webapp.pages.overview import bp as _overview
from webapp.pages.subtitles import bp as _subtitles
from webapp.pages.upload import bp as _upload
from webapp.pages.watch import bp as _watch

BLUEPRINTS = (
    _drift,
    _home,
    _jobs,
    _job,
    _job_bulk,
    _operation,
    _audit,
    _library,
    _watch,
    _upload,
    _subtitles,
    _overview,
)
