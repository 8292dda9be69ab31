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
    /// The elements, where it is an array; `value` is none then.
    pub(super) list: Option<List>,
}

/// The elements of an array by their keys: numbers in order, or names as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List {
    /// `declare -A`: any text is a key.
    pub(super) named: bool,
    pub(super) items: Vec<(String, String)>,
}

impl List {
    /// An array counted from 0.
    pub(super) fn of(values: impl IntoIterator<Item = String>) -> List {
        let items = values.into_iter().enumerate().map(|(at, value)| (at.to_string(), value));
        List { named: false, items: items.collect() }
    }

    fn number(key: &str) -> u64 {
        key.parse().unwrap_or(0)
    }

    /// The number after the last one.
    pub(super) fn next(&self) -> u64 {
        self.items.last().map_or(0, |(key, _)| List::number(key) + 1)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let item = self.items.iter().find(|(other, _)| other == key)?;
        Some(&item.1)
    }

    pub(super) fn set(&mut self, key: &str, value: String) {
        if let Some(item) = self.items.iter_mut().find(|(other, _)| other == key) {
            item.1 = value;
            return;
        }
        let later = |(other, _): &(String, String)| List::number(other) > List::number(key);
        let place = if self.named { None } else { self.items.iter().position(later) };
        self.items.insert(place.unwrap_or(self.items.len()), (key.to_owned(), value));
    }

    pub(super) fn values(&self) -> Vec<String> {
        self.items.iter().map(|(_, value)| value.clone()).collect()
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.items.iter().map(|(key, _)| key.clone()).collect()
    }
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
        let var = self.map.get(name)?;
        match &var.list {
            // An array by its bare name is its first element.
            Some(list) => list.get("0"),
            None => var.value.as_deref(),
        }
    }

    /// The elements of an array.
    pub(super) fn list(&self, name: &str) -> Option<&List> {
        self.map.get(name)?.list.as_ref()
    }

    /// The elements of a variable, which becomes an array.
    pub(super) fn list_mut(&mut self, name: &str) -> Result<&mut List, Readonly> {
        let var = self.map.entry(name.to_owned()).or_default();
        if var.readonly {
            return Err(Readonly);
        }
        let first = var.value.take();
        Ok(var.list.get_or_insert_with(|| List::of(first)))
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
        match &mut var.list {
            Some(list) => list.set("0", value.to_owned()),
            None => var.value = Some(value.to_owned()),
        }
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
