//! What happens before a lab is there: the store is opened, the writer's lock asked for, the
//! last lab read.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use yew::Callback;

use crate::platform::{self, browser};
use crate::progress::Records;
use crate::screens;
use crate::store::{Db, SavedLab, StoreError};

/// Whether this tab may write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Storage {
    /// It may, with this fence.
    Writer { fence: f64 },
    /// Another tab does.
    Reader,
    /// Nothing can be saved at all.
    Nowhere,
}

/// What was found.
pub(crate) struct Booted {
    /// Whether this tab may write.
    pub(crate) storage: Storage,
    /// The store, where the browser gives one.
    pub(crate) db: Option<Db>,
    /// Why not, if something is wrong.
    pub(crate) trouble: Option<StoreError>,
    /// The lab that was open last.
    pub(crate) saved: Option<SavedLab>,
    /// What was done of the course.
    pub(crate) records: Records,
    /// Exercises that came by file or link.
    pub(crate) own: Vec<lab::api::CourseRow>,
    /// The exam under way, or the last one.
    pub(crate) exam: Option<Vec<u8>>,
    /// A share link in the address.
    pub(crate) fragment: Option<String>,
}

/// The two things the browser may tell at any time.
pub(crate) struct Watchers {
    /// Another tab stole the lock.
    pub(crate) on_lost: Closure<dyn FnMut()>,
    /// The database was closed under us: another tab needs it in another form.
    pub(crate) closed: Callback<()>,
}

/// Opens everything.
pub(crate) async fn boot(watchers: &Watchers) -> Booted {
    let fragment = take_fragment();
    let db = match Db::open(watchers.closed.clone()).await {
        Ok(db) => db,
        Err(error) => return nowhere(error, fragment),
    };
    let mine = acquire(false, watchers).await;
    read(db, mine, fragment).await
}

/// Reads everything anew after the lock was taken over.
pub(crate) async fn read_as_writer(watchers: &Watchers) -> Booted {
    match Db::open(watchers.closed.clone()).await {
        Ok(db) => read(db, true, None).await,
        Err(error) => nowhere(error, None),
    }
}

fn nowhere(trouble: StoreError, fragment: Option<String>) -> Booted {
    Booted {
        storage: Storage::Nowhere,
        db: None,
        trouble: Some(trouble),
        saved: None,
        records: Records::default(),
        own: Vec::new(),
        exam: None,
        fragment,
    }
}

async fn read(db: Db, mine: bool, fragment: Option<String>) -> Booted {
    let storage = match mine {
        false => Storage::Reader,
        true => match db.raise_fence().await {
            Ok(fence) => Storage::Writer { fence },
            Err(error) => return nowhere(error, fragment),
        },
    };
    // A lab that cannot be read is not overwritten: a new one gets a name of its own.
    let path = path().unwrap_or_default();
    let (saved, trouble) = match db.current(screens::exercise_of(&path)).await {
        Ok(saved) => (saved, None),
        Err(error) => (None, Some(error)),
    };
    let records = db.progress().await.unwrap_or_default();
    let own = db.own().await.unwrap_or_default();
    let exam = db.exam().await.unwrap_or_default();
    Booted { storage, db: Some(db), trouble, saved, records, own, exam, fragment }
}

/// Asks to be the writer; with `steal`, the tab that is loses the lock.
pub(crate) async fn acquire(steal: bool, watchers: &Watchers) -> bool {
    let answer: Promise = browser::acquire(steal, &watchers.on_lost);
    JsFuture::from(answer).await.is_ok_and(|it| it.is_truthy())
}

/// The path of the screen the address names; none where it holds a share link.
pub(crate) fn path() -> Option<String> {
    let hash = platform::window().location().hash().unwrap_or_default();
    match hash.strip_prefix('#').unwrap_or_default() {
        "" => Some(String::new()),
        text => text.strip_prefix('/').map(str::to_string),
    }
}

/// The share link's text, taken out of the address so that a reload does not ask again.
pub(crate) fn take_fragment() -> Option<String> {
    let location = platform::window().location();
    let hash = location.hash().ok()?;
    let ours = |text: &&str| !text.is_empty() && !text.starts_with('/');
    let text = hash.strip_prefix('#').filter(ours)?.to_string();
    let address = location.href().ok()?;
    let bare = address.split('#').next().unwrap_or_default();
    if let Ok(history) = platform::window().history() {
        history.replace_state_with_url(&JsValue::NULL, "", Some(bare)).ok();
    }
    Some(text)
}

/// The address of a share link.
pub(crate) fn share_url(text: &str) -> String {
    let href = platform::window().location().href().unwrap_or_default();
    format!("{}#{text}", href.split('#').next().unwrap_or_default())
}
