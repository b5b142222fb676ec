//! What a press finds at those whom it is for: the entry that tells that they may be in a call. One entry at one of them
//! decides which of several presses at once places the call: all presses of one caller to one set meet there.

use futures::future::{join_all, try_join_all};
use ilock_directory::{Directory, DirectoryError, Entered, LiveCall};
use ilock_events::{CallId, Millis, Party, PartyAddress, PartyId, PartyKind, TenantId};
use sha2::{Digest, Sha256};

use crate::http::asker::Caller;

/// Who calls whom, as it stands in an entry: a digest of the addresses.
#[must_use]
pub fn set_of(caller: &PartyAddress, callees: &[PartyAddress]) -> String {
    let mut addresses: Vec<&str> = callees.iter().map(|callee| callee.address.as_str()).collect();
    addresses.sort_unstable();
    let kind = caller.kind.word();
    // No address contains a space.
    let digest = Sha256::digest(format!("{kind} {} {}", caller.address.as_str(), addresses.join(" ")));
    hex::encode(&digest[..12])
}

/// Where the person `id` is found.
#[must_use]
pub fn person_at(tenant: &TenantId, id: &PartyId) -> PartyAddress {
    PartyAddress::of(tenant, &Party { kind: PartyKind::User, id: id.clone() })
}

/// A person whom a press is for, and what it found there. The caller too, where that is a person: whoever calls is in a call.
#[derive(Debug, Clone)]
pub struct Found {
    pub at: PartyAddress,
    /// Who, where they are called.
    pub callee: Option<PartyId>,
    pub entered: Entered,
}

/// The entries of one press: made at everybody, or what stands in their way. The first decides.
#[derive(Debug, Clone)]
pub struct LiveCalls {
    /// The entry of this press.
    pub own: LiveCall,
    pub found: Vec<Found>,
}

impl LiveCalls {
    /// Enters `own` at everybody, at once.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn enter(
        directory: &Directory,
        caller: &Caller,
        callees: &[PartyId],
        own: LiveCall,
    ) -> Result<Self, DirectoryError> {
        let mut people: Vec<(PartyAddress, Option<PartyId>)> =
            callees.iter().map(|id| (person_at(&caller.tenant, id), Some(id.clone()))).collect();
        people.sort_by(|(a, _), (b, _)| a.address.as_str().cmp(b.address.as_str()));
        if caller.party.kind == PartyKind::User {
            people.push((caller.at(), None));
        }
        let found = try_join_all(people.into_iter().map(|(at, callee)| {
            let own = &own;
            async move {
                let entered = directory.enter_live(&at, own, own.at).await?;
                Ok::<_, DirectoryError>(Found { at, callee, entered })
            }
        }));
        let found = found.await?;
        Ok(Self { own, found })
    }

    /// The entry that decides, where it is not of this press.
    #[must_use]
    pub fn standing(&self) -> Option<&LiveCall> {
        self.found.first()?.entered.standing.as_ref()
    }

    /// Looks again at the entry that decides.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn look_again(&mut self, directory: &Directory, now: Millis) -> Result<(), DirectoryError> {
        let own = &self.own;
        if let Some(first) = self.found.first_mut() {
            first.entered.standing = directory.enter_live(&first.at, own, now).await?.standing;
        }
        Ok(())
    }

    /// Puts the own entry where `standing` decides; false when something else stands there by now.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn take_over(&mut self, directory: &Directory, standing: &LiveCall) -> Result<bool, DirectoryError> {
        let Some(first) = self.found.first_mut() else { return Ok(true) };
        let taken = directory.move_live(&first.at, standing, &self.own).await?;
        if taken {
            first.entered.standing = None;
        }
        Ok(taken)
    }

    /// Lets the own entries name `call_id`: an earlier try of the same request reserved the room for that.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn rename(&mut self, directory: &Directory, call_id: &CallId) -> Result<(), DirectoryError> {
        let named = LiveCall { call_id: call_id.clone(), ..self.own.clone() };
        if named != self.own {
            self.put_everywhere(directory, &named).await?;
            self.own = named;
        }
        Ok(())
    }

    /// Once the first decides for this press: the own entry stands at the others too, in place of one that is out of date.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn settle(&mut self, directory: &Directory) -> Result<(), DirectoryError> {
        let own = &self.own;
        try_join_all(self.found.iter_mut().skip(1).map(|found| async move {
            if let Some(standing) = found.entered.standing.take() {
                directory.move_live(&found.at, &standing, own).await?;
            }
            Ok::<_, DirectoryError>(())
        }))
        .await?;
        Ok(())
    }

    /// Puts `standing` in place of the own entries: it is that call that everybody is in.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn give_way(&self, directory: &Directory, standing: &LiveCall) -> Result<(), DirectoryError> {
        self.put_everywhere(directory, standing).await
    }

    async fn put_everywhere(&self, directory: &Directory, call: &LiveCall) -> Result<(), DirectoryError> {
        let entered = self.found.iter().filter(|found| found.entered.standing.is_none());
        try_join_all(entered.map(|found| directory.move_live(&found.at, &self.own, call))).await?;
        Ok(())
    }

    /// Takes the own entries out: the call was not placed. What stays names no call, and so does no harm.
    pub async fn leave(&self, directory: &Directory) {
        let entered = self.found.iter().filter(|found| found.entered.standing.is_none());
        let own = [&self.own];
        for left in join_all(entered.map(|found| directory.leave_live(&found.at, &own))).await {
            if let Err(error) = left {
                tracing::warn!(call_id = %self.own.call_id, %error, "live entry of a call that was not placed could not be removed; readers ignore it");
            }
        }
    }
}
