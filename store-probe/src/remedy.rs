//! What a successful attack means, and what an operator can change.

use tidegate_protocol::capability::Attack;

/// What it means that an attack succeeds, one sentence in lower case.
#[must_use]
pub const fn meaning(attack: Attack) -> &'static str {
    match attack {
        Attack::CopySource => {
            "an unsigned x-amz-copy-source header on a presigned PUT copies objects that the write key can read"
        }
        Attack::CopySourcePart => {
            "an unsigned x-amz-copy-source header on a presigned part copies objects that the write key can read"
        }
        Attack::ForceDelete => "an unsigned x-minio-force-delete header lets a signing key delete a whole folder",
        Attack::UnsignedAcl => "an unsigned ACL header on a presigned PUT opens the object to everybody",
        Attack::PathNormalisation => "a presigned URL whose path is bent (.. or escaped slashes) reaches another object",
        Attack::AlteredKey => "a presigned URL for one object works on another: signatures are not checked",
        Attack::AlteredQuery => "a listing signed for one folder lists another: signatures are not checked",
        Attack::AlteredMethod => "a presigned URL works with another method than it was signed for",
        Attack::WrongChecksum => "a presigned PUT that pins a SHA-256 stores other bytes",
        Attack::MissingChecksum => "a presigned PUT that pins a SHA-256 stores other bytes when the hash is left out",
        Attack::WrongLength => "a presigned PUT that pins a length stores another one",
        Attack::MissingCondition => "a presigned PUT that must only create overwrites when its condition is left out",
        Attack::ExpiredUrl => "a presigned URL works after its end",
        Attack::AnonymousRead => "whoever knows a key reads the object without a credential",
        Attack::AnonymousList => "everybody can list the bucket without a credential",
        Attack::AnonymousWrite => "everybody can write into the bucket without a credential",
        Attack::Unknown => "an attack that this version does not know",
    }
}

/// What to change so that it fails, one sentence in lower case.
#[must_use]
pub const fn remedy(attack: Attack) -> &'static str {
    match attack {
        Attack::CopySource | Attack::CopySourcePart => {
            "give store.write a key of its own that may only PutObject on users/*: what it cannot read cannot be copied"
        }
        Attack::ForceDelete => "take DeleteObject away from the keys of store.read and store.write",
        Attack::UnsignedAcl => {
            "turn ACLs off for the bucket (AWS: Object Ownership = bucket owner enforced), or take PutObjectAcl away from store.write"
        }
        Attack::PathNormalisation => "take away whatever rewrites paths in front of the store, or use another store",
        Attack::AlteredKey | Attack::AlteredQuery | Attack::AlteredMethod | Attack::ExpiredUrl => {
            "use a store that checks signatures, and no proxy in front of it that signs requests anew"
        }
        Attack::WrongChecksum | Attack::MissingChecksum | Attack::WrongLength | Attack::MissingCondition => {
            "use a store, or a newer version of it, that enforces what a signature covers"
        }
        Attack::AnonymousRead | Attack::AnonymousList | Attack::AnonymousWrite => {
            "make the bucket private: remove its public policy and block public access"
        }
        Attack::Unknown => "use the version of Tidegate that made this profile",
    }
}
