//! Kinds that the mirror does not keep: read from Stripe when somebody looks.

use super::{Error, Result};
use crate::{
    app::Scope,
    domain::{ids::path_segment, raw::Raw},
};

/// Such a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// Money that was given back.
    Refund,
    /// What takes something off.
    Coupon,
    /// What customers type to get a coupon.
    PromotionCode,
    /// What counts usage.
    Meter,
}

impl Live {
    const fn path(self) -> &'static str {
        match self {
            Self::Refund => "/refunds",
            Self::Coupon => "/coupons",
            Self::PromotionCode => "/promotion_codes",
            Self::Meter => "/billing/meters",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Coupon => "coupon",
            Self::PromotionCode => "promotion code",
            Self::Meter => "meter",
        }
    }
}

/// A page of a list, newest first.
#[derive(Debug)]
pub struct LivePage {
    /// The objects as Stripe sent them.
    pub rows: Vec<Raw>,
    /// Whether another page follows.
    pub has_more: bool,
}

impl Scope {
    /// A page of a kind's list; `query` is Stripe's own, with `limit` and `starting_after`.
    pub async fn live_page(&self, kind: Live, query: &[(&str, String)]) -> Result<LivePage> {
        let page = self.reader().await?.list_page(kind.path(), query).await?;
        let rows = page.data.iter().map(|row| Raw::parse(row.get())).collect();
        Ok(LivePage { rows, has_more: page.has_more })
    }

    /// One object by Stripe's id.
    pub async fn live(&self, kind: Live, id: &str) -> Result<Raw> {
        let raw = self.reader().await?.read_path(&format!("{}/{}", kind.path(), path_segment(id))).await?;
        raw.map(|raw| Raw::parse(raw.get())).ok_or(Error::NotFound(kind.name()))
    }
}
