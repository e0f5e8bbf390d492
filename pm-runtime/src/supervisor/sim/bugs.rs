//! The test of the test: the simulation catches every deliberate bug.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::Bug;
use super::{Complaint, history};

const ALL: &[Bug] = &[
    Bug::AcceptStrangers,
    Bug::AgeInStep,
    Bug::BlameAllThatRan,
    Bug::BlameForOutside,
    Bug::BlameKilledBoots,
    Bug::BlameOldReplacements,
    Bug::BlameTheNeighbours,
    Bug::CancelTwice,
    Bug::CancelWithoutGate,
    Bug::Chase,
    Bug::CloseOverdue,
    Bug::CountCancelKills,
    Bug::CountDeathsFromOutside,
    Bug::CountFirstStarts,
    Bug::CountNoSeenBegins,
    Bug::CountReturnsAsPace,
    Bug::CountTemporaryDeaths,
    Bug::DestroyDropsWaiting,
    Bug::DropExclusive,
    Bug::EndBeforeDone,
    Bug::FailHandedAtDeath,
    Bug::FailRunningForQueueTimeout,
    Bug::Flap,
    Bug::ForgetAhead,
    Bug::ForgetBroadcastEarly,
    Bug::ForgetCancelAfterReprieve,
    Bug::ForgetCancelledBegin,
    Bug::ForgetDetached,
    Bug::ForgetDrafted,
    Bug::ForgetHandedAtDeath,
    Bug::ForgetKeys,
    Bug::ForgetLost,
    Bug::ForgetOpenAtEnd,
    Bug::ForgetOpenedStreams,
    Bug::ForgetPinned,
    Bug::ForgetQueueTimeout,
    Bug::ForgetRecycled,
    Bug::ForgetRestart,
    Bug::ForgetRunOfFailed,
    Bug::ForgetSpares,
    Bug::ForgetTemporary,
    Bug::ForgetToCancel,
    Bug::ForgetToCatchUp,
    Bug::ForgetToRefuse,
    Bug::ForgetWaiter,
    Bug::ForgetWakeAfterAnswer,
    Bug::ForgetWakeAfterReprieve,
    Bug::ForgetWakeOfAge,
    Bug::ForgetWakeOfIdle,
    Bug::ForgetWakeOfPace,
    Bug::ForgetWakeOfRecall,
    Bug::ForgetWakeOfRecovery,
    Bug::ForgetWakeOfRetry,
    Bug::ForgetWakeOfTimeout,
    Bug::ForgetWakeOfWait,
    Bug::ForgiveLimits,
    Bug::ForgiveLost,
    Bug::ForgiveOomKills,
    Bug::GrowAtOnce,
    Bug::GrowBeyond,
    Bug::GrowForAll,
    Bug::GrowKeys,
    Bug::HandToLost,
    Bug::HandToReleasing,
    Bug::HandToShutGate,
    Bug::HandToSpare,
    Bug::IgnoreAnswerOfDying,
    Bug::IgnoreBoot,
    Bug::IgnoreExtension,
    Bug::KeepBytesOfSeen,
    Bug::KeepDeadlyBroadcast,
    Bug::KeepDeafSpares,
    Bug::KeepExtension,
    Bug::KeepFailedReplacements,
    Bug::KeepGap,
    Bug::KeepLoadAfterAnswer,
    Bug::KeepOldSpares,
    Bug::KeepOneHoused,
    Bug::KeepOpenTimeout,
    Bug::KeepSpares,
    Bug::KeepSparesOfNobody,
    Bug::KeepSpoiled,
    Bug::KeepTemporary,
    Bug::KeepVainPlaces,
    Bug::KeepWorn,
    Bug::KillAnInnocent,
    Bug::KillDroppable,
    Bug::KillExtended,
    Bug::KillForAnswered,
    Bug::KillLostAtOnce,
    Bug::KillWithoutGate,
    Bug::LoseCancelled,
    Bug::MeasureQueueFromHanding,
    Bug::MissLateBroadcast,
    Bug::MoveKeyed,
    Bug::MovePinned,
    Bug::NeverOpenGate,
    Bug::NeverRespawn,
    Bug::OverfillWorker,
    Bug::PinLoosely,
    Bug::ProbeAtOnce,
    Bug::ProveByHearing,
    Bug::RecycleBeforeReplacement,
    Bug::RecycleInAHurry,
    Bug::RefuseForPace,
    Bug::RehouseInAHurry,
    Bug::ReleaseBeforeReplacement,
    Bug::RequeueAtTheEnd,
    Bug::RequeueInDestroyed,
    Bug::RerunBegunAtDeath,
    Bug::RespawnBeyondTheBudget,
    Bug::RespawnTheNeighbours,
    Bug::RetryAtOnce,
    Bug::RetryForEver,
    Bug::RetryNever,
    Bug::RetryTimedOut,
    Bug::ShareSuspects,
    Bug::ShareTemporary,
    Bug::ShrinkAtOnce,
    Bug::ShrinkBeyond,
    Bug::ShrinkTheBusy,
    Bug::SkipBackoff,
    Bug::SkipReplay,
    Bug::SkipTakeBack,
    Bug::SkipTakeBackAfterBegin,
    Bug::SuspectReplays,
    Bug::TellWaiterTwice,
    Bug::TimeoutFromHanding,
    Bug::TooManyBoots,
    Bug::TooManySpares,
    Bug::TooManyTemporary,
    Bug::TrustOneReading,
    Bug::TrustTemporary,
    Bug::TrustTheExit,
    Bug::TrustThePace,
    Bug::TrustTwins,
    Bug::WaitForEveryRecall,
    Bug::WakeForever,
    Bug::WeighHeavyNewborns,
    Bug::WeighTheIdle,
    Bug::WeighTooOften,
];

/// Those that only a raw pool shows.
const OF_RAW: &[Bug] = &[
    Bug::BeginSpares,
    Bug::BlameLeft,
    Bug::ForgetAdded,
    Bug::ForgetAge,
    Bug::ForgetFailing,
    Bug::ForgetOldProbe,
    Bug::ForgiveInSilence,
    Bug::ForgetToBegin,
    Bug::ForgetWakeOfProbe,
    Bug::HealAtOnce,
    Bug::KeepLoaded,
    Bug::ReplaceLeft,
    Bug::TrimForLeft,
    Bug::VacateLeft,
];

const HISTORIES: u64 = 10_000;

#[test]
fn every_deliberate_bug_is_caught() {
    let mut missed = Vec::new();
    let raw = OF_RAW.iter().map(|bug| (bug, true));
    for (&bug, raw) in ALL.iter().map(|bug| (bug, false)).chain(raw) {
        let mut steps = 0;
        let mut caught = None;
        for seed in 0..HISTORIES {
            let outcome = catch_unwind(AssertUnwindSafe(|| history(seed, raw, Some(bug), false)));
            match outcome {
                Ok(Ok(done)) => steps += done,
                Ok(Err(Complaint { step, text })) => {
                    caught = Some((steps + step, text));
                    break;
                }
                // Not the oracle's doing, but the policy would not have got away with it.
                Err(_) => {
                    caught = Some((steps, "the policy panicked".into()));
                    break;
                }
            }
        }
        match caught {
            Some((steps, text)) => println!("{bug:?}: after {steps} steps: {text:.120}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
