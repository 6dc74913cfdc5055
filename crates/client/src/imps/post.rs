//! The task that posts: it sends one document at a time and brings back the answer to it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode, header};
use imps::Encoding;
use tokio::sync::mpsc;

use super::core::News;
use super::failure::Failure;
use super::http::{Answer, Http, Trouble};

/// How often a document is sent: its transactions keep their ids, so a server that has had it
/// answers from memory and does nothing twice.
const TRIES: u8 = 3;

/// How long to wait before each further try.
const PAUSE: Duration = Duration::from_secs(1);

/// Where and as what documents are sent.
pub(super) struct Postman {
    pub(super) http: Http,
    pub(super) path: String,
    pub(super) host: String,
    pub(super) media_type: &'static str,
    pub(super) news: mpsc::Sender<News>,
}

/// What came back.
pub(super) struct Reply {
    /// Nothing, if the server has nothing to say.
    pub(super) body: Bytes,
    pub(super) encoding: Encoding,
}

impl Postman {
    /// Posts what comes until nobody sends any more.
    pub(super) async fn run(mut self, mut letters: mpsc::Receiver<Bytes>) {
        while let Some(letter) = letters.recv().await {
            let posted = self.post(&letter).await;
            if self.news.send(News::Posted(posted)).await.is_err() {
                return;
            }
        }
    }

    async fn post(&mut self, letter: &Bytes) -> Result<Reply, Failure> {
        let mut why = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.http.world.clock.sleep(PAUSE).await;
            }
            match self.http.send(self.request(letter.clone())?).await {
                Ok(answer) => return read(answer),
                Err(Trouble::Bad(failure)) => return Err(failure),
                Err(Trouble::Lost(error)) => why = error,
            }
        }
        Err(Failure::Network { why })
    }

    fn request(&self, letter: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, self.media_type)
            .header(header::ACCEPT, self.media_type)
            .body(Full::new(letter))
            .map_err(|error| Failure::Network {
                why: error.to_string(),
            })
    }
}

fn read(answer: Answer) -> Result<Reply, Failure> {
    if answer.status != StatusCode::OK {
        return Err(Failure::Http {
            status: answer.status.as_u16(),
            reason: answer
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
        });
    }
    let named = Encoding::of_media_type(&answer.media_type);
    Ok(Reply {
        encoding: named.unwrap_or_else(|| Encoding::guess(&answer.body)),
        body: answer.body,
    })
}
