//! Builds zip archives in which every field can lie: each header of each member is a value that a
//! test changes before the archive is written.

/// What one header says about a member.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// The name.
    pub name: Vec<u8>,
    /// General-purpose flags.
    pub flags: u16,
    /// Compression method: 0 is stored, 8 is deflated.
    pub method: u16,
    /// CRC-32 of the unpacked data.
    pub crc32: u32,
    /// Packed size in bytes.
    pub packed: u32,
    /// Unpacked size in bytes.
    pub size: u32,
    /// Extra fields, as they stand.
    pub extra: Vec<u8>,
}

/// One member.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// What stands before its local header and belongs to nothing.
    pub before: Vec<u8>,
    /// The local header; `None` leaves header and data out.
    pub local: Option<Header>,
    /// The packed data.
    pub data: Vec<u8>,
    /// The data descriptor, as it stands.
    pub descriptor: Vec<u8>,
    /// The header in the directory; `None` leaves it out.
    pub central: Option<Header>,
    /// Unix mode in the directory.
    pub mode: u16,
    /// Offset of the local header that the directory gives, instead of the true one.
    pub offset: Option<u32>,
}

impl Member {
    /// A stored member, its headers true.
    #[must_use]
    pub fn stored(name: &str, data: &[u8]) -> Self {
        Self::packed(name, 0, data, data)
    }

    /// A member whose `packed` form, by `method`, stands for `data`.
    #[must_use]
    pub fn packed(name: &str, method: u16, packed: &[u8], data: &[u8]) -> Self {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let header = Header {
            name: name.as_bytes().to_vec(),
            method,
            crc32: crc32(data),
            packed: length(packed),
            size: length(data),
            ..Header::default()
        };
        Self {
            local: Some(header.clone()),
            central: Some(header),
            data: packed.to_vec(),
            mode: 0o100_644,
            ..Self::default()
        }
    }

    /// The same with sizes and checksum behind the data, as streaming writers have it.
    #[must_use]
    pub fn described(mut self) -> Self {
        if let (Some(local), Some(central)) = (&mut self.local, &mut self.central) {
            self.descriptor = b"PK\x07\x08".to_vec();
            for field in [local.crc32, local.packed, local.size] {
                self.descriptor.extend(field.to_le_bytes());
            }
            (local.crc32, local.packed, local.size) = (0, 0, 0);
            local.flags |= 8;
            central.flags |= 8;
        }
        self
    }

    /// The same with its local header changed.
    #[must_use]
    pub fn local(mut self, change: impl FnOnce(&mut Header)) -> Self {
        if let Some(header) = &mut self.local {
            change(header);
        }
        self
    }

    /// The same with its header in the directory changed.
    #[must_use]
    pub fn central(mut self, change: impl FnOnce(&mut Header)) -> Self {
        if let Some(header) = &mut self.central {
            change(header);
        }
        self
    }

    /// The same with both headers changed.
    #[must_use]
    pub fn both(self, change: impl Fn(&mut Header)) -> Self {
        self.local(&change).central(&change)
    }

    /// The same without an entry in the directory.
    #[must_use]
    pub fn unlisted(mut self) -> Self {
        self.central = None;
        self
    }
}

/// A whole archive.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// The members, in the order of the file and of the directory.
    pub members: Vec<Member>,
    /// What stands before the archive; offsets do not count it.
    pub prefix: Vec<u8>,
    /// What stands between the last member and the directory.
    pub gap: Vec<u8>,
    /// The archive comment.
    pub comment: Vec<u8>,
    /// Number of members that the end record claims, instead of the true one.
    pub count: Option<u16>,
    /// Size of the directory that the end record claims, instead of the true one.
    pub size: Option<u32>,
    /// Whether zip64 records stand before the end record, which then gives no numbers.
    pub wide: bool,
    /// What stands behind the end record and its comment.
    pub suffix: Vec<u8>,
}

impl Archive {
    /// An archive of these members, otherwise true.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = Member>) -> Self {
        Self { members: members.into_iter().collect(), ..Self::default() }
    }

    /// The archive as bytes.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut directory = Vec::new();
        let mut listed = 0_u16;
        for member in &self.members {
            body.extend(&member.before);
            let at = length32(&body);
            if let Some(header) = &member.local {
                push_local(&mut body, header);
                body.extend(&member.data);
                body.extend(&member.descriptor);
            }
            if let Some(header) = &member.central {
                push_central(&mut directory, header, member.mode, member.offset.unwrap_or(at));
                listed = listed.wrapping_add(1);
            }
        }
        body.extend(&self.gap);
        let (start, size) = (length32(&body), length32(&directory));
        body.extend(directory);
        self.push_end(&mut body, listed, self.size.unwrap_or(size), start);
        [self.prefix.as_slice(), &body, &self.suffix].concat()
    }

    fn push_end(&self, body: &mut Vec<u8>, listed: u16, size: u32, start: u32) {
        let count = self.count.unwrap_or(listed);
        if self.wide {
            let at = u64::from(length32(body));
            body.extend(b"PK\x06\x06");
            body.extend(44_u64.to_le_bytes());
            body.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [u64::from(count), u64::from(count), size.into(), start.into()] {
                body.extend(number.to_le_bytes());
            }
            body.extend(b"PK\x06\x07\0\0\0\0");
            body.extend(at.to_le_bytes());
            body.extend(1_u32.to_le_bytes());
        }
        let narrow = |number: u32| if self.wide { u32::MAX } else { number };
        let count = if self.wide { u16::MAX } else { count };
        body.extend(b"PK\x05\x06\0\0\0\0");
        body.extend(count.to_le_bytes());
        body.extend(count.to_le_bytes());
        body.extend(narrow(size).to_le_bytes());
        body.extend(narrow(start).to_le_bytes());
        body.extend(length16(&self.comment).to_le_bytes());
        body.extend(&self.comment);
    }
}

fn push_local(out: &mut Vec<u8>, header: &Header) {
    out.extend(b"PK\x03\x04\x14\0");
    push_common(out, header);
    out.extend(&header.name);
    out.extend(&header.extra);
}

fn push_central(out: &mut Vec<u8>, header: &Header, mode: u16, offset: u32) {
    out.extend(b"PK\x01\x02\x14\x03\x14\0");
    push_common(out, header);
    out.extend([0; 8]);
    out.extend(mode.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(&header.name);
    out.extend(&header.extra);
}

/// The fields that both headers have in the same order, from the flags to the lengths.
fn push_common(out: &mut Vec<u8>, header: &Header) {
    out.extend(header.flags.to_le_bytes());
    out.extend(header.method.to_le_bytes());
    out.extend([0, 0, 0x21, 0]);
    out.extend(header.crc32.to_le_bytes());
    out.extend(header.packed.to_le_bytes());
    out.extend(header.size.to_le_bytes());
    out.extend(length16(&header.name).to_le_bytes());
    out.extend(length16(&header.extra).to_le_bytes());
}

fn length16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

fn length32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The CRC-32 of zip and gzip (ISO 3309), bit by bit: test files are short.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// The PyTorch writer's padding, which moves data to a multiple of 64 bytes: an extra field named
/// `FB` behind a local header of a name of `name_len` bytes at offset `at`.
#[must_use]
pub fn padding(at: usize, name_len: usize) -> Vec<u8> {
    let data_at = at.saturating_add(30).saturating_add(name_len).saturating_add(4);
    let room = data_at.next_multiple_of(64).saturating_sub(data_at);
    let mut field = b"FB".to_vec();
    field.extend(u16::try_from(room).unwrap_or_default().to_le_bytes());
    field.resize(room.saturating_add(4), b'Z');
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn records_have_their_lengths() {
        let archive =
            Archive::of([Member::stored("a", b"xy"), Member::stored("b", b"").unlisted()]);
        assert_eq!(archive.build().len(), (30 + 1 + 2) + (30 + 1) + (46 + 1) + 22);
        let wide = Archive { wide: true, ..archive };
        assert_eq!(wide.build().len(), 64 + 47 + 56 + 20 + 22);
    }
}
