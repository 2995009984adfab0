//! `/chat`: a room for everybody, the example of an application.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use adapter_core::sockjs::Slow;
use adapter_core::{Group, Session};
use sockjs_proto::Close;

use super::room::{Reply, Request, Room};

/// The room, and the sessions of those who are in it.
///
/// What is told to all is told while the room is locked, so that everybody hears it in the order in
/// which it happened. Nothing waits meanwhile.
#[derive(Clone)]
pub(super) struct Chat {
    room: Arc<Mutex<Room>>,
    group: Group,
}

impl Chat {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::default(),
            group: Group::with_slow(Slow::Close(Close::new(3001, "too slow"))),
        }
    }

    /// Serves one session.
    pub(super) async fn serve(mut session: Session, chat: Self) {
        let mut guest = None;
        while let Some(message) = session.recv().await {
            let refused = match (Request::read(&message.to_string_lossy()), &guest) {
                (Some(Request::Join(name)), None) => match chat.admit(&session, &name) {
                    Ok(admitted) => {
                        guest = Some(admitted);
                        continue;
                    }
                    Err(why) => why,
                },
                (Some(Request::Say(text)), Some(guest)) => {
                    guest.say(&text);
                    continue;
                }
                (Some(Request::Say(_)), None) => "Say who you are first.",
                (Some(Request::Join(_)), Some(_)) => "You are here already.",
                (None, _) => "This is no message of the chat.",
            };
            if session.send(Reply::Refused(refused).json()).await.is_err() {
                break;
            }
        }
    }

    fn admit(&self, session: &Session, name: &str) -> Result<Guest, &'static str> {
        let mut room = self.room();
        let name = room.join(name)?;
        self.group.send(Reply::Joined(&name).json());
        // Should the welcome be refused, the session is over, and its guest leaves with it.
        drop(session.try_send(room.welcome()));
        self.group.join(session);
        drop(room);
        Ok(Guest {
            chat: self.clone(),
            name,
        })
    }

    /// A panic elsewhere leaves a room that can still be used.
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in the room, until this is dropped.
struct Guest {
    chat: Chat,
    name: String,
}

impl Guest {
    fn say(&self, text: &str) {
        let mut room = self.chat.room();
        if let Some(said) = room.say(&self.name, text, SystemTime::now()) {
            self.chat.group.send(said);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut room = self.chat.room();
        room.leave(&self.name);
        self.chat.group.send(Reply::Left(&self.name).json());
    }
}
