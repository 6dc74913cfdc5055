//! The binary encoding, WBXML 1.3 with the code pages of CSP.

mod reader;
mod writer;

pub(crate) use reader::Source;
pub(crate) use writer::Writer;

/// Global tokens. Those from 0x40 on come in threes: 0x40, 0x80 and 0xC0 and up.
const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const ENTITY: u8 = 0x02;
const STR_I: u8 = 0x03;
const LITERAL: u8 = 0x04;
const EXT_T_0: u8 = 0x80;
const STR_T: u8 = 0x83;
const OPAQUE: u8 = 0xC3;

/// The bits of a tag that say that attributes and content follow.
const ATTRIBUTES: u8 = 0x80;
const CONTENT: u8 = 0x40;

/// The version of WBXML that is written, and the character set: 1.3, and UTF-8 by its number in
/// the registry of the IANA.
const WBXML_1_3: u8 = 0x03;
const UTF_8: u8 = 0x6A;
