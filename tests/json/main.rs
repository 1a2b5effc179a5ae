//! The JSON reader and writer: RFC 8259 case by case, then against another implementation, then
//! through the C functions.

mod c_face;
mod conformance;
mod fuzz;
mod judge;
mod reader;
mod writer;
