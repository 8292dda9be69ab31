//! Lists and compound commands: `&&`, `if`, `for`, `case` and the rest.
//!
//! What can contain commands is boxed and kept out of line: commands stand in commands, and the
//! stack of a page is small.

use std::rc::Rc;

use super::ast::{
    AndOr, CaseArm, CaseEnd, Command, Condition, Connector, Item, Kind, Pipeline, Script, Word,
};
use super::exec::{Flow, Later, Run, Shell};
use super::expand::Result;
use super::pattern::Pattern;
use super::vars::List;

impl Shell {
    pub(super) fn script<'a>(&'a mut self, script: &'a Script) -> Run<'a> {
        Box::pin(async move {
            for item in &script.items {
                let flow = self.item(item).await;
                if flow != Flow::Next {
                    return flow;
                }
            }
            Flow::Next
        })
    }

    async fn item(&mut self, item: &Item) -> Flow {
        let flow = if item.background {
            self.background(item).await
        } else {
            if self.job_control() {
                item.text.clone_into(&mut self.typed);
            }
            self.and_or(&item.list).await
        };
        if flow == Flow::Next && !self.traps.is_empty() {
            return self.run_traps().await;
        }
        flow
    }

    /// Runs what was asked for on the signals that came meanwhile.
    #[inline(never)]
    fn run_traps<'a>(&'a mut self) -> Later<'a, Flow> {
        Box::pin(async move {
            while let Some(signal) = self.sys.take_caught() {
                let Some(text) = self.traps.get(&signal).cloned() else { continue };
                let status = self.status;
                if self.run_text(&text).await == Flow::Exit {
                    return Flow::Exit;
                }
                self.status = status;
            }
            Flow::Next
        })
    }

    pub(super) async fn and_or(&mut self, list: &AndOr) -> Flow {
        let AndOr { first, rest } = list;
        let mut flow = self.expected(first, !rest.is_empty()).await;
        for (i, (connector, pipeline)) in rest.iter().enumerate() {
            if flow != Flow::Next {
                return flow;
            }
            if (self.status == 0) == (*connector == Connector::And) {
                flow = self.expected(pipeline, i + 1 < rest.len()).await;
            }
        }
        flow
    }

    /// A pipeline whose failure is expected where something follows it.
    async fn expected(&mut self, pipeline: &Pipeline, followed: bool) -> Flow {
        let expected = u32::from(followed || pipeline.negated);
        self.conditions += expected;
        let start_us = self.sys.mono_us();
        let flow = self.pipeline(pipeline).await;
        self.conditions -= expected;
        if pipeline.commands.len() == 1 {
            self.pipe_statuses = vec![self.status];
        }
        if pipeline.negated {
            self.status = i32::from(self.status == 0);
        }
        if pipeline.timed {
            self.report_time(self.sys.mono_us() - start_us).await;
        }
        let fails = flow == Flow::Next && self.status != 0 && expected == 0;
        if fails && self.options.errexit && self.conditions == 0 {
            return Flow::Exit;
        }
        flow
    }

    #[inline(never)]
    fn report_time<'a>(&'a mut self, spent_us: u64) -> Later<'a, ()> {
        Box::pin(async move {
            let (seconds, millis) = (spent_us / 1_000_000, spent_us / 1000 % 1000);
            let real = format!("{}m{}.{millis:03}s", seconds / 60, seconds % 60);
            let text = format!("\nreal\t{real}\nuser\t0m0.000s\nsys\t0m0.000s\n");
            self.print(2, text.as_bytes()).await;
        })
    }

    /// A command in this process.
    pub(super) fn command<'a>(&'a mut self, command: &'a Command) -> Run<'a> {
        Box::pin(async move {
            self.pace().await;
            self.line = command.line;
            if let Kind::Simple { assigns, words } = &command.kind {
                return self.simple(assigns, words, &command.redirects).await;
            }
            let io = self.io.clone();
            if let Err(flow) = self.redirect(&command.redirects).await {
                self.io = io;
                return flow;
            }
            let flow = self.kind(&command.kind).await;
            self.io = io;
            flow
        })
    }

    #[inline(never)]
    fn kind<'a>(&'a mut self, kind: &'a Kind) -> Later<'a, Flow> {
        Box::pin(async move {
            match kind {
                Kind::Simple { .. } => {
                    unreachable!("simple commands are run by their own function")
                }
                Kind::Subshell(script) => self.run_subshell(script).await,
                Kind::Group(script) => self.script(script).await,
                Kind::If { arms, otherwise } => self.if_command(arms, otherwise.as_ref()).await,
                Kind::While { until, condition, body } => {
                    self.while_command(*until, condition, body).await
                }
                Kind::For { name, words, body } => {
                    self.for_command(name, words.as_deref(), body).await
                }
                Kind::ArithFor { heads, body } => self.arith_for(heads, body).await,
                Kind::Case { word, arms } => self.case_command(word, arms).await,
                Kind::Function { name, body } => {
                    self.functions.insert(name.clone(), Rc::clone(body));
                    self.status = 0;
                    Flow::Next
                }
                Kind::Arith(word) => match self.arithmetic(word).await {
                    Ok(value) => {
                        self.status = i32::from(value == 0);
                        Flow::Next
                    }
                    Err(error) => {
                        self.complain(&format!("((: {error}")).await;
                        self.status = 1;
                        Flow::Next
                    }
                },
                Kind::Condition(condition) => match self.condition(condition).await {
                    Ok(holds) => {
                        self.status = i32::from(!holds);
                        Flow::Next
                    }
                    Err(error) => self.fail(error).await,
                },
            }
        })
    }

    async fn tested(&mut self, condition: &Script) -> Flow {
        self.conditions += 1;
        let flow = self.script(condition).await;
        self.conditions -= 1;
        flow
    }

    #[inline(never)]
    fn if_command<'a>(
        &'a mut self,
        arms: &'a [(Script, Script)],
        otherwise: Option<&'a Script>,
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            for (condition, body) in arms {
                let flow = self.tested(condition).await;
                if flow != Flow::Next {
                    return flow;
                }
                if self.status == 0 {
                    return self.script(body).await;
                }
            }
            self.status = 0;
            match otherwise {
                Some(body) => self.script(body).await,
                None => Flow::Next,
            }
        })
    }

    /// One round of a loop: `Ok` to go on, `Err` with where to go instead.
    async fn round(&mut self, body: &Script) -> std::result::Result<(), Flow> {
        self.loops += 1;
        let flow = self.script(body).await;
        self.loops -= 1;
        self.pace().await;
        match flow {
            Flow::Next | Flow::Continue(1) => Ok(()),
            Flow::Break(1) => Err(Flow::Next),
            Flow::Break(out) => Err(Flow::Break(out - 1)),
            Flow::Continue(out) => Err(Flow::Continue(out - 1)),
            other => Err(other),
        }
    }

    #[inline(never)]
    fn while_command<'a>(
        &'a mut self,
        until: bool,
        condition: &'a Script,
        body: &'a Script,
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            let mut status = 0;
            loop {
                self.loops += 1;
                let flow = self.tested(condition).await;
                self.loops -= 1;
                match flow {
                    Flow::Next => {}
                    Flow::Break(1) => return Flow::Next,
                    Flow::Continue(1) => continue,
                    other => return other,
                }
                if (self.status == 0) == until {
                    self.status = status;
                    return Flow::Next;
                }
                if let Err(flow) = self.round(body).await {
                    return flow;
                }
                status = self.status;
            }
        })
    }

    #[inline(never)]
    fn for_command<'a>(
        &'a mut self,
        name: &'a str,
        words: Option<&'a [Word]>,
        body: &'a Script,
    ) -> Later<'a, Flow> {
        Box::pin(async move {
            if !super::is_name(name) {
                self.complain(&format!("`{name}': not a valid identifier")).await;
                self.status = 1;
                return Flow::Next;
            }
            let values = match words {
                Some(words) => match self.fields(words).await {
                    Ok(values) => values,
                    Err(error) => return self.fail(error).await,
                },
                None => self.args.clone(),
            };
            self.status = 0;
            for value in values {
                if let Err(error) = self.assign(name, &value) {
                    return self.fail(error).await;
                }
                if let Err(flow) = self.round(body).await {
                    return flow;
                }
            }
            Flow::Next
        })
    }

    #[inline(never)]
    fn arith_for<'a>(&'a mut self, heads: &'a [Word; 3], body: &'a Script) -> Later<'a, Flow> {
        Box::pin(async move {
            let [start, condition, step] = heads;
            self.status = 0;
            let mut value = self.arithmetic(start).await;
            loop {
                if value.is_ok() && !condition.parts.is_empty() {
                    value = self.arithmetic(condition).await;
                    if value == Ok(0) {
                        return Flow::Next;
                    }
                }
                if let Err(error) = value {
                    self.complain(&format!("((: {error}")).await;
                    self.status = 1;
                    return Flow::Next;
                }
                if let Err(flow) = self.round(body).await {
                    return flow;
                }
                value = self.arithmetic(step).await;
            }
        })
    }

    #[inline(never)]
    fn case_command<'a>(&'a mut self, word: &'a Word, arms: &'a [CaseArm]) -> Later<'a, Flow> {
        Box::pin(async move {
            let text = match self.text(word).await {
                Ok(text) => text,
                Err(error) => return self.fail(error).await,
            };
            self.status = 0;
            let mut falling = false;
            for arm in arms {
                let mut fits = falling;
                for pattern in &arm.patterns {
                    if fits {
                        break;
                    }
                    match self.pattern(pattern).await {
                        Ok(pattern) => fits = Pattern::new(&pattern).matches(&text),
                        Err(error) => return self.fail(error).await,
                    }
                }
                if !fits {
                    continue;
                }
                let flow = self.script(&arm.body).await;
                if flow != Flow::Next || arm.end == CaseEnd::Leave {
                    return flow;
                }
                falling = arm.end == CaseEnd::FallThrough;
            }
            Flow::Next
        })
    }

    /// `[[ ]]`
    fn condition<'a>(&'a mut self, condition: &'a Condition) -> Later<'a, Result<bool>> {
        Box::pin(async move {
            match condition {
                Condition::Not(inner) => Ok(!self.condition(inner).await?),
                Condition::And(left, right) => {
                    Ok(self.condition(left).await? && self.condition(right).await?)
                }
                Condition::Or(left, right) => {
                    Ok(self.condition(left).await? || self.condition(right).await?)
                }
                Condition::Word(word) => Ok(!self.text(word).await?.is_empty()),
                Condition::Unary(op, word) => {
                    let text = self.text(word).await?;
                    Ok(super::builtins::test::unary(self, op, &text))
                }
                Condition::Binary(left, op, right) => self.compared(left, op, right).await,
            }
        })
    }

    #[inline(never)]
    fn compared<'a>(
        &'a mut self,
        left: &'a Word,
        op: &'a str,
        right: &'a Word,
    ) -> Later<'a, Result<bool>> {
        Box::pin(async move {
            let text = self.text(left).await?;
            match op {
                "=" | "==" => Ok(Pattern::new(&self.pattern(right).await?).matches(&text)),
                "!=" => Ok(!Pattern::new(&self.pattern(right).await?).matches(&text)),
                "=~" => {
                    let pattern = self.text(right).await?;
                    let Ok(regex) = crate::programs::posix::extended(&pattern, false) else {
                        return Ok(false);
                    };
                    let groups = regex.captures(&text);
                    let group = |at: usize| {
                        let found = groups.as_ref()?.get(at);
                        Some(found.map_or(String::new(), |it| it.as_str().to_owned()))
                    };
                    let list = List::of((0..regex.captures_len()).filter_map(group));
                    *self.list_of("BASH_REMATCH")? = list;
                    Ok(groups.is_some())
                }
                "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                    let (left, right) = (self.evaluate(&text)?, self.text(right).await?);
                    let right = self.evaluate(&right)?;
                    Ok(super::builtins::test::numbers(left, op, right))
                }
                _ => {
                    let right = self.text(right).await?;
                    Ok(super::builtins::test::texts(self, &text, op, &right))
                }
            }
        })
    }
}
