//! Moving money from one account to another, in one step.

use hotledger::{Transacting, Transaction};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Account, AccountId, Command, Refusal};

/// Takes an amount out of one account and puts it into another: both or neither.
///
/// In JSON: `{"from":1,"to":2,"amount":30}`. Like a deposit, it brings the receiving account into
/// being when that has no history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Where the money comes from.
    pub from: AccountId,
    /// Where it goes; another account.
    pub to: AccountId,
    /// How much, in minor units; not zero.
    pub amount: u64,
}

/// Why a transfer is not made. Neither account has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum TransferRefusal {
    /// Both ends are one account.
    #[error("account {account} cannot transfer to itself")]
    SameAccount {
        /// That account.
        account: AccountId,
    },
    /// The account the money was to come from refuses.
    #[error("the source refuses: {0}")]
    Source(Refusal),
    /// The account it was to go to refuses.
    #[error("the destination refuses: {0}")]
    Destination(Refusal),
}

impl Transaction for Transfer {
    const NAME: &'static str = "Transfer";

    type Refusal = TransferRefusal;

    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), TransferRefusal> {
        let Self { from, to, amount } = self;
        if from == to {
            return Err(TransferRefusal::SameAccount { account: from });
        }
        tx.execute::<Account>(from, Command::Withdraw { amount })
            .map_err(TransferRefusal::Source)?;
        tx.execute::<Account>(to, Command::Deposit { amount })
            .map_err(TransferRefusal::Destination)?;
        Ok(())
    }
}
