"""Sending again: resends, recovery jobs, and trying a filter on the past."""

from __future__ import annotations

from typing import Any

from litestar import Router, get, post

from outrider.api import views
from outrider.app.recovery import FilterInput, JobInput
from outrider.app.services import Services

PAGE = 50


@post("/v2/manage/deliveries/{delivery_id:str}/resend", status_code=200)
async def resend_delivery(tenant: str, services: Services, delivery_id: str) -> dict[str, Any]:
    return views.delivery(await services.recovery.resend(tenant, delivery_id))


@post("/v2/manage/jobs", status_code=200)
async def start_job(tenant: str, services: Services, data: JobInput) -> dict[str, Any]:
    """The running job, or with `DryRun` what it would send."""
    if data.DryRun:
        return views.preview(await services.recovery.preview(tenant, data))
    return views.job(await services.recovery.start(tenant, data))


@get("/v2/manage/jobs")
async def list_jobs(
    tenant: str, services: Services, cursor: str | None = None, limit: int = PAGE
) -> dict[str, Any]:
    page = await services.recovery.jobs(tenant, cursor, limit)
    return {"Data": [views.job(row) for row in page.rows], "Next": page.next}


@get("/v2/manage/jobs/{job_id:str}")
async def get_job(tenant: str, services: Services, job_id: str) -> dict[str, Any]:
    return views.job(await services.recovery.job(tenant, job_id))


@post("/v2/manage/jobs/{job_id:str}/cancel", status_code=200)
async def cancel_job(tenant: str, services: Services, job_id: str) -> dict[str, Any]:
    return views.job(await services.recovery.cancel(tenant, job_id))


@post("/v2/manage/filters/try", status_code=200)
async def try_filter(tenant: str, services: Services, data: FilterInput) -> dict[str, Any]:
    return views.preview(await services.recovery.try_filter(tenant, data))


router = Router("/", route_handlers=[resend_delivery, start_job, list_jobs, get_job, cancel_job, try_filter])
