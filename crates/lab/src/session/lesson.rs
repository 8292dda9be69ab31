//! The exercise under way, as the session keeps it. Builds without exercises have a stand-in
//! that nobody can make.

#[cfg(feature = "k8s")]
pub(super) use crate::exercise::Lesson;
#[cfg(not(feature = "k8s"))]
pub(super) use absent::Lesson;

use etcd::{MemberStatus, Role};

use super::Session;
use crate::api::LessonView;
use crate::exam::TaskReport;

impl Session {
    /// An exercise begins, in the words of its file.
    #[cfg(feature = "k8s")]
    pub(super) fn begin_lesson(&mut self, source: &str) -> Result<(), String> {
        let now_us = self.world.now_us();
        let lesson = Lesson::begin(source, self.options.seed, now_us);
        let lesson = lesson.map_err(|why| why.to_string())?;
        lesson.furnish(&mut self.world);
        self.lesson = Some(lesson);
        Ok(())
    }

    /// Without exercises there is nothing to begin.
    #[cfg(not(feature = "k8s"))]
    pub(super) fn begin_lesson(&mut self, _source: &str) -> Result<(), String> {
        Err("this build has no exercises".into())
    }

    /// The next time at which the exercise wants to look at the world.
    pub(super) fn next_look_us(&self) -> Option<u64> {
        self.lesson.as_ref().map(|lesson| lesson.next_look_us(self.looked_us))
    }

    /// Looks if the time has come. Only the world's clock decides, so a replay looks when
    /// the run did.
    pub(super) fn look_if_due(&mut self) {
        if self.next_look_us().is_some_and(|look_us| self.world.now_us() >= look_us) {
            self.look();
        }
    }

    /// Looks at the world with the exercise's eyes.
    pub(super) fn look(&mut self) {
        if let Some(lesson) = &mut self.lesson {
            self.looked_us = self.world.now_us();
            lesson.look(&self.world, &self.hosts);
        }
    }

    /// Puts what is true now into a line of a script: `%leader%`, `%follower%`,
    /// `%follower2%`, `%term%`, `%revision%`, `%id:NAME%`.
    pub fn fill(&self, line: &str) -> String {
        if !line.contains('%') {
            return line.to_owned();
        }
        let statuses: Vec<(&String, MemberStatus)> = self
            .hosts
            .iter()
            .filter_map(|name| Some((name, self.world.member(self.world.host(name)?)?)))
            .collect();
        let leader =
            statuses.iter().filter(|it| it.1.role == Role::Leader).max_by_key(|it| it.1.term);
        let followers: Vec<&String> =
            statuses.iter().filter(|it| it.1.role == Role::Follower).map(|it| it.0).collect();
        let host = |place: usize| followers.get(place).map_or("", |name| name.as_str());
        let mut line = line
            .replace("%follower%", host(0))
            .replace("%follower2%", host(1))
            .replace("%leader%", leader.map_or("", |it| it.0.as_str()))
            .replace("%term%", &leader.map_or(0, |it| it.1.term).to_string());
        let front = statuses.iter().max_by_key(|it| it.1.applied);
        if let Some((_, front)) = front {
            line = line.replace("%revision%", &front.revision.to_string());
            for member in &front.members {
                line = line.replace(&format!("%id:{}%", member.name), &member.id.to_string());
            }
        }
        line
    }

    /// How the exercise under way stands, and what led there.
    pub fn report(&self) -> Option<TaskReport> {
        self.lesson.as_ref().map(|lesson| lesson.report(self.world.now_us()))
    }

    /// The solution of the exercise under way, with the values its seed drew.
    pub fn solution(&self) -> Option<&str> {
        self.lesson.as_ref().map(Lesson::solution)
    }

    /// The exercise under way, as the page shows it.
    pub fn lesson(&self) -> Option<LessonView> {
        self.lesson.as_ref().map(Lesson::view)
    }
}

#[cfg(not(feature = "k8s"))]
mod absent {
    use sim::{Happened, World};

    use crate::api::{LessonView, TtyId};
    use crate::exam::TaskReport;

    /// No exercise: there is none in this build.
    pub(in crate::session) enum Lesson {}

    impl Lesson {
        pub(in crate::session) fn hear(&mut self, _happened: &Happened, _hosts: &[String]) {
            match *self {}
        }

        pub(in crate::session) fn typed(
            &mut self,
            _tty: TtyId,
            _host: &str,
            _text: &str,
            _world: &World,
        ) {
            match *self {}
        }

        pub(in crate::session) fn solution(&self) -> &str {
            match *self {}
        }

        pub(in crate::session) fn report(&self, _now_us: u64) -> TaskReport {
            match *self {}
        }

        pub(in crate::session) fn typed_done(&mut self, _tty: TtyId, _exit: i32, _world: &World) {
            match *self {}
        }

        pub(in crate::session) fn next_look_us(&self, _looked_us: u64) -> u64 {
            match *self {}
        }

        pub(in crate::session) fn look(&mut self, _world: &World, _hosts: &[String]) -> bool {
            match *self {}
        }

        pub(in crate::session) fn view(&self) -> LessonView {
            match *self {}
        }
    }
}
