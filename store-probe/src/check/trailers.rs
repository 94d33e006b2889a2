//! Bodies with a CRC32 in a trailer, as the SDKs of AWS send them by default: several stores refuse them, some store the frames as
//! if they were content.

use bytes::Bytes;
use tidegate_protocol::capability::Support;
use tidegate_sigv4::{Method, PayloadHash};

use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::http::Body;
use crate::target::Who;

/// Writes one object in the form `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.
pub(crate) async fn trailers(ground: &Ground) -> Result<Support, ProbeError> {
    let (key, content) = (ground.state_key("trailer"), ground.bytes("with a CRC32 in the trailer"));
    let checksum = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(crc32(&content).to_be_bytes())
    };
    let framed = [
        format!("{:x}\r\n", content.len()).into_bytes(),
        content.to_vec(),
        format!("\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n").into_bytes(),
    ]
    .concat();
    let headers = [
        ("content-encoding", "aws-chunked".to_owned()),
        ("x-amz-decoded-content-length", content.len().to_string()),
        ("x-amz-trailer", "x-amz-checksum-crc32".to_owned()),
    ];
    let by = (Who::State, Via::Internal);
    let body = Bytes::from(framed);
    let mut reply = None;
    for _ in 0..3 {
        let payload = PayloadHash::UnsignedWithTrailer;
        let mut shot = ground.signed_request(by, Method::Put, &key, &[], &headers, payload)?;
        shot.body = Body::Whole(body.clone());
        let answer = ground.http.fire(shot).await;
        let is_over = answer.as_ref().is_ok_and(|answer| !answer.is_passing());
        reply = Some(answer);
        if is_over {
            break;
        }
    }
    let stored = ground.stored(&key).await?;
    Ok(match (reply, stored) {
        (_, Some(stored)) if stored == content => Support::Works,
        (_, Some(_)) => Support::Broken,
        (Some(Ok(answer)), None) if answer.is_success() => Support::Broken,
        (Some(Ok(answer)), None) if !answer.is_passing() => Support::Refused,
        (_, None) => Support::Unknown,
    })
}

/// CRC-32 of ISO 3309, bit by bit: for a few dozen bytes.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_crc32_is_right() {
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
    }
}
