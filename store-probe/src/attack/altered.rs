//! A URL used for something else than it was signed for.

use bytes::Bytes;
use tidegate_protocol::capability::Attack;
use tidegate_sigv4::Method;

use super::campaign::{Campaign, Must};
use crate::error::ProbeError;
use crate::ground::{Signed, http_method, whole};
use crate::http::Shot;
use crate::target::Who;

/// The same signature on another user's key, for reading and for writing.
pub(crate) async fn key(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let (mine, theirs) = (ground.key("altered/mine"), ground.key("altered/theirs"));
    let (my_bytes, their_bytes) = (ground.bytes("altered, mine"), ground.bytes("altered, theirs"));
    ground.plant(&mine, &my_bytes).await?;
    ground.plant(&theirs, &their_bytes).await?;
    let get = ground.get_url(via, &mine)?;
    let honest_works = campaign.honest(&get, &Bytes::new()).await?;
    for target in ["altered/theirs", "altered/theirs?versionId=null", "altered/theirs?partNumber=1"] {
        let bent = Signed { url: bend(&get.url, "altered/mine", target), ..get.clone() };
        campaign.on_shown(Attack::AlteredKey, honest_works, || bent.honest(Bytes::new()), &their_bytes).await?;
    }
    let put = ground.put_url(via, &mine, &[], &my_bytes, false)?;
    let honest_works = campaign.honest(&put, &my_bytes).await?;
    let bent = Signed { url: bend(&put.url, "altered/mine", "altered/theirs"), ..put };
    let watched = [(theirs, Must::Be(their_bytes))];
    campaign.on_stored(Attack::AlteredKey, honest_works, || bent.honest(my_bytes.clone()), &watched).await
}

/// A listing of another prefix, of none, and an answer under headers of one's own choice.
pub(crate) async fn query(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let (mine, theirs) = (ground.key("query/mine/"), ground.key("query/theirs/"));
    let secret = ground.key("query/theirs/a-name-that-nobody-may-see");
    ground.plant(&secret, &ground.bytes("query")).await?;
    let parameters = [("encoding-type", "url"), ("list-type", "2"), ("max-keys", "1000"), ("prefix", mine.as_str())];
    let list = ground.presigned((Who::Read, via), Method::Get, "", &parameters, &[])?;
    let honest_works = campaign.honest(&list, &Bytes::new()).await?;
    let escaped = |text: &str| text.replace('/', "%2F");
    let prefix = format!("prefix={}", escaped(&mine));
    let theirs = escaped(&theirs);
    let bent = [
        list.url.replace(&prefix, &format!("prefix={theirs}")),
        format!("{}&prefix={theirs}", list.url),
        list.url.replace(&prefix, &format!("prefix={theirs}&{prefix}")),
        list.url.replace(&format!("&{prefix}"), ""),
        format!("{}&start-after=a&fetch-owner=true&prefix={theirs}", list.url.replace(&format!("&{prefix}"), "")),
    ];
    for url in bent {
        let shot = || Shot { method: reqwest::Method::GET, url: url.clone(), headers: Vec::new(), body: whole(Bytes::new()) };
        campaign.on_shown(Attack::AlteredQuery, honest_works, shot, b"a-name-that-nobody-may-see").await?;
    }
    Ok(())
}

/// A URL for reading that deletes or writes, one for writing that reads or deletes.
pub(crate) async fn method(campaign: &mut Campaign<'_>) -> Result<(), ProbeError> {
    let (ground, via) = (campaign.ground, campaign.via);
    let (key, bytes, other) = (ground.key("method/mine"), ground.bytes("method"), ground.bytes("method, other"));
    ground.plant(&key, &bytes).await?;
    let get = ground.get_url(via, &key)?;
    let put = ground.put_url(via, &key, &[], &bytes, false)?;
    let get_works = campaign.honest(&get, &Bytes::new()).await?;
    let put_works = campaign.honest(&put, &bytes).await?;
    let as_method = |signed: &Signed, method: Method, body: &Bytes| Shot {
        method: http_method(method),
        url: signed.url.clone(),
        headers: signed.headers.clone(),
        body: whole(body.clone()),
    };
    let (nothing, watched) = (Bytes::new(), [(key, Must::Be(bytes.clone()))]);
    campaign.on_stored(Attack::AlteredMethod, get_works, || as_method(&get, Method::Put, &other), &watched).await?;
    campaign.on_stored(Attack::AlteredMethod, get_works, || as_method(&get, Method::Delete, &nothing), &watched).await?;
    ground.plant(&watched[0].0, &bytes).await?;
    campaign.on_shown(Attack::AlteredMethod, put_works, || as_method(&put, Method::Get, &nothing), &bytes).await?;
    campaign.on_stored(Attack::AlteredMethod, put_works, || as_method(&put, Method::Delete, &nothing), &watched).await?;
    // The last look must find what every honest end would leave.
    ground.plant(&watched[0].0, &bytes).await.map(drop)
}

/// Puts another path (and parameters in front of the signed ones) into a URL.
fn bend(url: &str, from: &str, to: &str) -> String {
    match to.split_once('?') {
        None => url.replacen(from, to, 1),
        Some((path, query)) => url.replacen(&format!("{from}?"), &format!("{path}?{query}&"), 1),
    }
}
