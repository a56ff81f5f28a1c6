//! Shapes that no memory holds: building the model allocates what they say.

use super::config::Walk;
use crate::json::{Kind, Node};
use davy_artifact::Quirk;

/// Elements of a tensor that is still believed; the weights of the largest layers in use have less
/// than a hundredth of this.
const LARGEST: f64 = 68_719_476_736.0;

/// Dimensions that are looked at.
const DIMENSIONS: usize = 32;

/// Records a list of dimensions whose product is absurd.
pub(super) fn check<'d>(walk: &mut Walk<'_, '_, 'd>, node: Node<'d>) {
    let Some(key) = node.key().and_then(Node::text) else { return };
    if !(key.ends_with("shape") || key.ends_with("shapes") || key == "target_size") {
        return;
    }
    let mut elements = 1.0_f64;
    for dimension in node.items().take(DIMENSIONS) {
        match dimension.kind() {
            Kind::Number => {
                let size = dimension.number().unwrap_or(1.0).abs();
                elements = if size >= 1.0 { elements * size } else { elements };
            }
            Kind::Null => {}
            _ => return,
        }
    }
    if elements > LARGEST {
        let site = walk.site(node);
        let what = format!("a shape of {elements:.0} elements, which loading would allocate");
        walk.recorder.reading.deviation(Quirk::Expansion, site.span, site.route, &what);
    }
}
