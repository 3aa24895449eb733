"""Sending again: resends, recovery jobs, and trying a filter on the past."""

from __future__ import annotations

from litestar import Router, get, post

from outrider.api import parameters, views
from outrider.api.admission import CHANGES_AND_READS, READS
from outrider.api.models.history import Delivery
from outrider.api.models.recovery import Job, JobPage, Preview
from outrider.api.refusals import JOB_DONE, NO_DELIVERY, NO_JOB, NO_WEBHOOK, UNKNOWN_EVENT, WEBHOOK_DELETED
from outrider.app.recovery import FilterInput, JobInput
from outrider.app.services import Services


@post(
    "/v2/manage/deliveries/{delivery_id:str}/resend",
    status_code=200,
    operation_id="resendDelivery",
    summary="Send a delivery again",
    description="One that waits becomes due now; one that ended gets a successor, which is the answer.",
    scopes=CHANGES_AND_READS,
    refusals=(NO_DELIVERY, WEBHOOK_DELETED),
)
async def resend_delivery(tenant: str, services: Services, delivery_id: parameters.DeliveryId) -> Delivery:
    return views.delivery(await services.recovery.resend(tenant, delivery_id))


@post(
    "/v2/manage/jobs",
    status_code=200,
    operation_id="startJob",
    summary="Start a recovery job, or look at what it would send",
    description="The running job, which survives restarts; with `DryRun` a preview, and nothing is sent.",
    scopes=CHANGES_AND_READS,
    refusals=(NO_WEBHOOK, UNKNOWN_EVENT),
)
async def start_job(tenant: str, services: Services, data: JobInput) -> Job | Preview:
    if data.DryRun:
        return views.preview(await services.recovery.preview(tenant, data))
    return views.job(await services.recovery.start(tenant, data))


@get("/v2/manage/jobs", operation_id="listJobs", summary="List recovery jobs")
async def list_jobs(
    tenant: str,
    services: Services,
    cursor: parameters.Cursor = None,
    limit: parameters.Limit = parameters.PAGE,
) -> JobPage:
    page = await services.recovery.jobs(tenant, cursor, limit)
    return JobPage([views.job(row) for row in page.rows], page.next)


@get("/v2/manage/jobs/{job_id:str}", operation_id="getJob", summary="Read a recovery job", refusals=(NO_JOB,))
async def get_job(tenant: str, services: Services, job_id: parameters.JobId) -> Job:
    return views.job(await services.recovery.job(tenant, job_id))


@post(
    "/v2/manage/jobs/{job_id:str}/cancel",
    status_code=200,
    operation_id="cancelJob",
    summary="Cancel a recovery job; the deliveries it made stay",
    scopes=CHANGES_AND_READS,
    refusals=(NO_JOB, JOB_DONE),
)
async def cancel_job(tenant: str, services: Services, job_id: parameters.JobId) -> Job:
    return views.job(await services.recovery.cancel(tenant, job_id))


@post(
    "/v2/manage/filters/try",
    status_code=200,
    operation_id="tryFilter",
    summary="Try a filter on past events",
    scopes=READS,
    refusals=(UNKNOWN_EVENT,),
)
async def try_filter(tenant: str, services: Services, data: FilterInput) -> Preview:
    return views.preview(await services.recovery.try_filter(tenant, data))


router = Router(
    "/",
    route_handlers=[resend_delivery, start_job, list_jobs, get_job, cancel_job, try_filter],
    tags=["Recovery"],
)
