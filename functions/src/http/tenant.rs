//! The tenant check: the one way in which an endpoint gets a call.
//!
//! An endpoint's state holds [`PartyCalls`], [`PartyLog`] or [`AuditLog`], never the log itself; each hands out a call to act on
//! or to show only to somebody who may know of it: to everybody else the call does not exist. [`PartyCalls::known`] alone asks
//! whose a call is no further than its tenant: who is called may be busy in a call that the asker knows nothing of.

use std::ops::Deref;

use ilock_call::Placed;
use ilock_directory::{HistoryRecord, Lease};
use ilock_env::Clock;
use ilock_events::{Access, Address, Alert, CallId, Millis, PartyAddress, Personal, PersonalText, TenantId};
use ilock_log::{AccessPage, BadCursor, EventLog, History, LogError, PlacedOn, Placing};
use ilock_notify::Alarm;
use ilock_proof::{Day, StoredCall};
use tracing::Span;

use super::asker::{Auditor, Caller};
use super::idempotency::RequestDigest;
use crate::error::ApiError;
use crate::service::calls::{Calls, CommandRequest, Execution, PersonalData, placed};

/// The log, for endpoints of users and door stations that only read.
#[derive(Debug, Clone)]
pub struct PartyLog(EventLog);

/// The calls, for endpoints of users and door stations that command.
#[derive(Clone)]
pub struct PartyCalls(Calls);

/// A call that its asker may see: one that they are a party of, or are about to place.
#[derive(Debug, Clone)]
pub struct PartyCall(History);

impl PartyLog {
    #[must_use]
    pub const fn new(log: EventLog) -> Self {
        Self(log)
    }

    /// The call `call_id`, if `caller` is a party of it in their own tenant.
    ///
    /// # Errors
    /// 404, or what the log reports.
    pub async fn of_party(&self, caller: &Caller, call_id: &CallId) -> Result<PartyCall, ApiError> {
        of_party(&self.0, caller, call_id).await
    }

    /// The text beside the first commit of a call that stands in the asker's own history.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn text_of_row(&self, row: &HistoryRecord) -> Result<Option<PersonalText>, LogError> {
        match &row.personal {
            Some(digest) => self.0.personal(&row.call_id, digest).await,
            None => Ok(None),
        }
    }
}

async fn of_party(log: &EventLog, caller: &Caller, call_id: &CallId) -> Result<PartyCall, ApiError> {
    Span::current().record("call_id", call_id.as_str());
    let history = log.load_without_receipts(call_id).await?;
    match &history.call.placed {
        Some(placed) if placed.tenant == caller.tenant && placed.involves(&caller.party) => Ok(PartyCall(history)),
        _ => Err(ApiError::NotFound("call")),
    }
}

impl PartyCalls {
    #[must_use]
    pub const fn new(calls: Calls) -> Self {
        Self(calls)
    }

    /// As [`PartyLog::of_party`].
    ///
    /// # Errors
    /// As there.
    pub async fn of_party(&self, caller: &Caller, call_id: &CallId) -> Result<PartyCall, ApiError> {
        of_party(&self.0.log, caller, call_id).await
    }

    /// The call that `request` reserved a room for, placed or not; none where the lease is another request's.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn of_request(&self, request: &RequestDigest, lease: &Lease) -> Result<Option<PartyCall>, ApiError> {
        if lease.request.as_ref() != Some(&request.hex()) {
            return Ok(None);
        }
        Ok(Some(PartyCall(self.0.log.load_without_receipts(&lease.call_id).await?)))
    }

    /// What is known of `call_id` in `tenant`, whoever its parties are: to judge by, never to show. None where it was not
    /// placed.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn known(&self, tenant: &TenantId, call_id: &CallId) -> Result<Option<Placed>, ApiError> {
        let placed = self.0.log.load_without_receipts(call_id).await?.call.placed;
        Ok(placed.filter(|placed| placed.tenant == *tenant))
    }

    /// Rings the phones of `callees` once more, by message. What fails is not made up for: they were told before.
    pub async fn ring_again(&self, call: &PartyCall, callees: &[PartyAddress]) {
        let callees: Vec<Address> = callees.iter().map(|callee| callee.address.clone()).collect();
        if let Err(error) = self.0.notifier.ring_again(&call.0, &callees).await {
            tracing::warn!(call_id = %call.call.id, %error, "the phones of a call that rings were not told again");
        }
    }

    /// As [`Calls::execute`].
    ///
    /// # Errors
    /// As there.
    pub async fn execute(
        &self,
        call: &mut PartyCall,
        request: CommandRequest,
        clock: &Clock,
    ) -> Result<Execution, ApiError> {
        self.0.execute(&mut call.0, request, clock).await
    }

    /// As [`Calls::expire`].
    ///
    /// # Errors
    /// As there.
    pub async fn expire(&self, call: &mut PartyCall, clock: &Clock) -> Result<(), ApiError> {
        self.0.expire(&mut call.0, clock).await
    }

    /// Arms the ring timer of a call for `deadline`.
    ///
    /// # Errors
    /// [`ApiError::Timer`].
    pub async fn arm(&self, call_id: CallId, deadline: Millis) -> Result<(), ApiError> {
        self.0.timer.arm(Alarm::of(call_id), deadline).await.map_err(ApiError::Timer)
    }

    /// As [`Calls::save_personal`].
    ///
    /// # Errors
    /// As there.
    pub async fn save_personal(
        &self,
        placing: &Placing,
        call_id: &CallId,
        text: PersonalText,
        at: Millis,
    ) -> Result<Option<Personal>, ApiError> {
        self.0.save_personal(placing, call_id, text, at).await
    }

    /// As [`Calls::keep_alert`].
    ///
    /// # Errors
    /// As there.
    pub async fn keep_alert(&self, call: &mut PartyCall, alert: Alert) -> Result<Execution, ApiError> {
        self.0.keep_alert(&mut call.0, alert).await
    }

    /// Drops what was saved for a call that is not placed.
    pub async fn drop_unused(&self, call: &PartyCall, personal: PersonalData) {
        if let PersonalData::Saved(personal) = personal {
            self.drop_personal(&call.call.id, personal).await;
        }
    }

    /// As [`Calls::drop_personal`].
    pub async fn drop_personal(&self, call_id: &CallId, personal: Option<Personal>) {
        self.0.drop_personal(call_id, personal).await;
    }
}

impl PartyCall {
    /// A call that is about to be placed.
    #[must_use]
    pub fn unplaced(call_id: CallId) -> Self {
        Self(History::unplaced(call_id))
    }

    /// What was placed.
    ///
    /// # Errors
    /// 404 when nothing was yet.
    pub fn placed(&self) -> Result<&Placed, ApiError> {
        placed(&self.0)
    }
}

impl Deref for PartyCall {
    type Target = History;

    fn deref(&self) -> &History {
        &self.0
    }
}

/// The log, for endpoints of auditors.
#[derive(Debug, Clone)]
pub struct AuditLog(EventLog);

impl AuditLog {
    #[must_use]
    pub const fn new(log: EventLog) -> Self {
        Self(log)
    }

    /// All that is stored of `call_id`, if it is of the auditor's tenant.
    ///
    /// # Errors
    /// 404, 410 where it was moved into an archive, or what the log reports.
    pub async fn stored(&self, auditor: &Auditor, call_id: &CallId) -> Result<StoredCall, ApiError> {
        let stored = self.0.stored_whole(call_id).await?;
        let tenant = stored.commits.iter().find_map(|commit| commit["tenant"].as_str());
        if tenant == Some(auditor.tenant.as_str()) {
            return Ok(stored);
        }
        let archive = if stored.is_archived() { self.archive_of(auditor, call_id).await? } else { None };
        Err(archive.map_or(ApiError::NotFound("call"), ApiError::Archived))
    }

    /// The day in whose archive a call is of which the log has no commit; none where it is of another tenant, or nothing says so.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn archive_of(&self, auditor: &Auditor, call_id: &CallId) -> Result<Option<Day>, LogError> {
        let mark = self.0.archived(call_id).await?;
        Ok(mark.filter(|mark| mark.tenant == auditor.tenant).map(|mark| mark.day()))
    }

    /// The call `call_id`, placed or not; none where it is of another tenant.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn of_auditor(&self, auditor: &Auditor, call_id: &CallId) -> Result<Option<History>, LogError> {
        let history = self.0.load(call_id).await?;
        Ok(Some(history)
            .filter(|history| history.call.placed.as_ref().is_none_or(|placed| placed.tenant == auditor.tenant)))
    }

    /// The next `most` calls of the auditor's tenant on `day`.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn placed_on(
        &self,
        auditor: &Auditor,
        day: &Day,
        after: Option<&PlacedOn>,
        most: usize,
    ) -> Result<Vec<PlacedOn>, LogError> {
        self.0.placed_on(&auditor.tenant, day, after, most).await
    }

    /// A page of what the auditors of the same tenant asked on `day`.
    ///
    /// # Errors
    /// What the log reports.
    pub async fn accesses(
        &self,
        auditor: &Auditor,
        day: &Day,
        most: u16,
        cursor: Option<&str>,
    ) -> Result<Result<AccessPage, BadCursor>, LogError> {
        self.0.accesses(&auditor.tenant, day, most, cursor).await
    }

    /// Keeps that `auditor` asked. Only when this went well may anything be answered.
    ///
    /// # Errors
    /// 503 when it could not be kept.
    pub async fn keep_access(&self, auditor: &Auditor, access: &Access) -> Result<(), ApiError> {
        Ok(self.0.keep_access(&auditor.tenant, access).await?)
    }
}
