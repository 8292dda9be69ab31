//! The variables of a shell: values, what is exported, what is local to a function.

use flat::Map;

/// A variable.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Var {
    /// None: declared, but unset.
    pub(super) value: Option<String>,
    pub(super) exported: bool,
    pub(super) readonly: bool,
    /// `declare -i`: what is assigned is evaluated first.
    pub(super) integer: bool,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Vars {
    map: Map<String, Var>,
    /// What `local` hid, one map for each function that runs.
    hidden: Vec<Map<String, Option<Var>>>,
}

/// The variable cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Readonly;

impl Vars {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name)?.value.as_deref()
    }

    pub(super) fn var(&self, name: &str) -> Option<&Var> {
        self.map.get(name)
    }

    pub(super) fn entry(&mut self, name: &str) -> &mut Var {
        self.map.entry(name.to_owned()).or_default()
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Readonly> {
        let var = self.map.entry(name.to_owned()).or_default();
        if var.readonly {
            return Err(Readonly);
        }
        var.value = Some(value.to_owned());
        Ok(())
    }

    /// Sets and exports.
    pub(super) fn export(&mut self, name: &str, value: &str) {
        // A read-only variable keeps its value, it is exported all the same.
        let _ = self.set(name, value);
        self.entry(name).exported = true;
    }

    pub(super) fn unset(&mut self, name: &str) -> Result<(), Readonly> {
        if self.map.get(name).is_some_and(|var| var.readonly) {
            return Err(Readonly);
        }
        self.map.remove(name);
        Ok(())
    }

    /// Puts a variable back as it was.
    pub(super) fn restore(&mut self, name: &str, var: Option<Var>) {
        match var {
            Some(var) => self.map.insert(name.to_owned(), var),
            None => self.map.remove(name),
        };
    }

    /// By name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.map.iter()
    }

    /// The environment of a program.
    pub(super) fn environment(&self) -> Map<String, String> {
        let exported = self.map.iter().filter(|(_, var)| var.exported);
        exported.filter_map(|(name, var)| Some((name.clone(), var.value.clone()?))).collect()
    }

    pub(super) fn enter_function(&mut self) {
        self.hidden.push(Map::new());
    }

    pub(super) fn leave_function(&mut self) {
        for (name, var) in self.hidden.pop().unwrap_or_default() {
            self.restore(&name, var);
        }
    }

    /// Makes a variable local to the function that runs; false outside of one.
    pub(super) fn localize(&mut self, name: &str) -> bool {
        let Some(hidden) = self.hidden.last_mut() else { return false };
        if !hidden.contains_key(name) {
            let outer = self.map.remove(name);
            let exported = outer.as_ref().is_some_and(|var| var.exported);
            hidden.insert(name.to_owned(), outer);
            self.map.insert(name.to_owned(), Var { exported, ..Var::default() });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locals_come_and_go() {
        let mut vars = Vars::default();
        vars.set("x", "outer").expect("it is not read-only");
        vars.enter_function();
        assert!(vars.localize("x") && vars.localize("y"));
        vars.set("x", "inner").expect("it is not read-only");
        vars.set("y", "new").expect("it is not read-only");
        vars.leave_function();
        assert_eq!(vars.get("x"), Some("outer"));
        assert_eq!(vars.get("y"), None);
        assert!(!vars.localize("x"));
    }

    #[test]
    fn readonly_stays() {
        let mut vars = Vars::default();
        vars.set("x", "1").expect("it is not read-only");
        vars.entry("x").readonly = true;
        assert_eq!(vars.set("x", "2"), Err(Readonly));
        assert_eq!(vars.unset("x"), Err(Readonly));
        assert_eq!(vars.get("x"), Some("1"));
    }
}
