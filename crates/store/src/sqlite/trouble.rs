//! What SQLite says, in our words.

use rusqlite::{Error, ErrorCode};

use crate::{CommitError, Trouble};

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt { detail },
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
                    Self::Denied { detail }
                }
                _ => Self::Failed { detail },
            },
            // A row holds what we never write.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Corrupt { detail },
            _ => Self::Failed { detail },
        }
    }
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Trouble(error.into())
    }
}
