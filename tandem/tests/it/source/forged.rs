//! ID tokens that must not be believed.

use tidegate_tandem::source::{Class, IdTokenFault, SourceError};
use tidegate_testkit::tandem::Forgery;

use super::{assert_nothing_personal, client, login, shown, stand_in};

#[tokio::test]
async fn every_forged_id_token_is_refused_and_says_why() {
    let forgeries = [
        (Forgery::NoAlgorithm, IdTokenFault::Algorithm),
        (Forgery::PublicKeyAsSecret, IdTokenFault::Algorithm),
        (Forgery::MacAsSignature, IdTokenFault::Signature),
        (Forgery::UnknownKey, IdTokenFault::Key),
        (Forgery::NoKey, IdTokenFault::Key),
        (Forgery::OthersSignature, IdTokenFault::Signature),
        (Forgery::ChangedClaims, IdTokenFault::Signature),
        (Forgery::Critical, IdTokenFault::Algorithm),
        (Forgery::Issuer, IdTokenFault::Issuer),
        (Forgery::Audience, IdTokenFault::Audience),
        (Forgery::SharedAudience, IdTokenFault::Audience),
        (Forgery::Expired, IdTokenFault::Expired),
        (Forgery::NoEnd, IdTokenFault::Claims),
        (Forgery::Ahead(600), IdTokenFault::Future),
        (Forgery::NoPerson, IdTokenFault::Claims),
        (Forgery::PathAsPerson, IdTokenFault::Claims),
        (Forgery::TwoParts, IdTokenFault::Algorithm),
    ];
    let server = stand_in().await;
    for (forgery, expected) in forgeries {
        server.forge(Some(forgery));
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert!(matches!(error, SourceError::IdToken(fault) if fault == expected), "{forgery:?}: {error:?}");
        assert_nothing_personal(&server, &shown(&error));
    }
}

#[tokio::test]
async fn a_clock_that_differs_is_said_to_differ() {
    let server = stand_in().await;
    for forgery in [Forgery::Expired, Forgery::Ahead(600)] {
        server.forge(Some(forgery));
        let error = client(&server).login(&login(&server)).await.unwrap_err();
        assert_eq!((error.code(), error.class()), ("tandem-clock-differs", Class::Blocked));
    }
}
