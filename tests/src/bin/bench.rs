//! Measures what the README and the issue tracker talk about, and prints it.

fn main() {}
