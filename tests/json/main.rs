//! The JSON reader and writer: RFC 8259 case by case, then against another implementation.

mod conformance;
mod fuzz;
mod reader;
mod writer;
