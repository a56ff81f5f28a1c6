//! Pictures, sounds and films, which lie beside many models: walked part by part, so that what stands
//! behind them, or in a part that no player knows, is found. What they show is not decoded.

mod picture;
mod recording;

use crate::plain::rest;
use davy_artifact::{Format, Input, Probe, Reading, Role};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span};

/// One kind of picture, sound or film.
pub struct Media {
    id: &'static str,
    summary: &'static str,
    /// Whether the first bytes are those of such a file.
    starts: fn(&[u8]) -> bool,
    /// Passes over all parts, and stops behind the last.
    walk: fn(&mut Walk<'_>) -> Result<(), Halt>,
}

/// Pictures in PNG.
pub const PNG: Media = Media {
    id: "png",
    summary: "PNG pictures: chunks of kinds that no viewer knows, and what stands behind the end",
    starts: |head| head.starts_with(picture::PNG),
    walk: picture::png,
};

/// Pictures in JPEG.
pub const JPEG: Media = Media {
    id: "jpeg",
    summary: "JPEG pictures: what stands behind the end",
    starts: picture::starts_jpeg,
    walk: picture::jpeg,
};

/// Pictures in GIF.
pub const GIF: Media = Media {
    id: "gif",
    summary: "GIF pictures: what stands behind the end",
    starts: |head| head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
    walk: picture::gif,
};

/// Pictures in BMP.
pub const BMP: Media = Media {
    id: "bmp",
    summary: "BMP pictures: what stands behind the end",
    starts: picture::starts_bmp,
    walk: picture::bmp,
};

/// Sounds, films and pictures in RIFF.
pub const RIFF: Media = Media {
    id: "riff",
    summary: "RIFF files: WAV, AVI and WebP",
    starts: recording::starts_riff,
    walk: recording::riff,
};

/// Films, sounds and pictures in the ISO base media file format.
pub const MP4: Media = Media {
    id: "mp4",
    summary: "ISO base media: MP4, QuickTime, HEIF and AVIF",
    starts: recording::starts_boxes,
    walk: recording::boxes,
};

/// Sounds and films in Ogg.
pub const OGG: Media = Media {
    id: "ogg",
    summary: "Ogg sounds and films: Vorbis, Opus and others",
    starts: |head| head.starts_with(recording::OGG),
    walk: recording::ogg,
};

/// Sounds in MPEG audio.
pub const MP3: Media = Media {
    id: "mp3",
    summary: "MPEG audio, frame by frame, with its tags",
    starts: recording::starts_mp3,
    walk: recording::mp3,
};

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// A walk over the parts of a file.
struct Walk<'a> {
    cursor: Cursor,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl Walk<'_> {
    fn bytes(&self) -> &Bytes {
        self.cursor.bytes()
    }

    /// Counts a part.
    fn step(&mut self) -> Result<(), Halt> {
        self.budget.spend_steps(1, self.cursor.position())
    }

    /// Makes a part that no player knows a child: it is data, unless something recognises it.
    fn strange(&mut self, name: &str, span: Span) {
        if span.len > 0 {
            let bytes = self.bytes().slice(span);
            self.reading.child(format!("{name}@{:#x}", span.start), bytes, Role::Storage);
        }
    }
}

impl Format for Media {
    fn id(&self) -> &'static str {
        self.id
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        match (self.starts)(head) {
            // Numbers can look like the start of a picture.
            true if input.role == Role::Storage => Probe::Possible,
            true => Probe::Certain,
            false => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut walk = Walk { cursor: Cursor::new(input.bytes.clone()), reading, budget };
        (self.walk)(&mut walk)?;
        let end = walk.cursor.position();
        rest(end, "data", input.bytes, reading)
    }
}

#[cfg(test)]
mod tests;
