//! Which bytes of the file are for what: structures that lie over each other, and bytes that nothing
//! explains.

use davy_bytes::Span;

/// Claims that are kept apart; more are only counted. Adjoining ones are one.
const KEPT: usize = 1 << 20;

/// What a stretch of bytes is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Use {
    /// Raw data of the dataset with this number.
    Data(u32),
    /// A structure of the format.
    Metadata(&'static str),
}

/// Every stretch that something claimed.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    spans: Vec<(Span, Use)>,
    /// How many claims did not fit.
    pub(super) dropped: u64,
}

/// Two claims on the same bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clash {
    /// The bytes that both claim.
    pub(super) span: Span,
    pub(super) first: Use,
    pub(super) second: Use,
}

impl Claims {
    /// Claims `span`.
    pub(super) fn add(&mut self, span: Span, owner: Use) {
        if span.len == 0 {
            return;
        }
        let last = self.spans.last_mut();
        let adjoins = |last: &&mut (Span, Use)| {
            matches!(owner, Use::Data(_)) && last.1 == owner && last.0.end() == span.start
        };
        if let Some((last, _)) = last.filter(adjoins) {
            last.len = last.len.saturating_add(span.len);
        } else if self.spans.len() < KEPT {
            self.spans.push((span, owner));
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Where the last claim ends.
    pub(super) fn reach(&self) -> u64 {
        self.spans.iter().map(|(span, _)| span.end()).max().unwrap_or(0)
    }

    /// Orders the claims; returns those that lie over others, and what nobody claimed of `whole`.
    pub(super) fn settle(mut self, whole: Span) -> (Vec<Clash>, Vec<Span>) {
        self.spans.sort_unstable();
        let (mut clashes, mut free) = (Vec::new(), Vec::new());
        let mut reach = whole.start;
        let mut owner = None;
        for (span, next) in self.spans {
            if span.start > reach {
                free.push(Span::between(reach, span.start.min(whole.end())));
            } else if let (true, Some(first)) = (span.start < reach, owner) {
                let both = Span::between(span.start, reach.min(span.end()));
                clashes.push(Clash { span: both, first, second: next });
            }
            if span.end() > reach {
                reach = span.end();
                owner = Some(next);
            }
        }
        free.push(Span::between(reach, whole.end()));
        free.retain(|span| span.len > 0);
        (clashes, free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clashes_and_what_is_free_is_found() {
        let mut claims = Claims::default();
        claims.add(Span::new(40, 10), Use::Data(1));
        claims.add(Span::new(50, 10), Use::Data(1));
        claims.add(Span::new(0, 8), Use::Metadata("a"));
        claims.add(Span::new(55, 2), Use::Metadata("b"));
        claims.add(Span::new(58, 12), Use::Data(2));
        assert_eq!(claims.spans.len(), 4);
        let (clashes, free) = claims.settle(Span::new(0, 100));
        let told: Vec<_> = clashes.iter().map(|clash| (clash.span, clash.second)).collect();
        let expected = [(Span::new(55, 2), Use::Metadata("b")), (Span::new(58, 2), Use::Data(2))];
        assert_eq!(told, expected);
        assert_eq!(free, [Span::new(8, 32), Span::new(70, 30)]);
    }
}
