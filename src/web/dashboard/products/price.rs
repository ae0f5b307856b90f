//! A new price of a product, in every pricing model, with the sentence that customers will read.

use askama::Template;
use axum::response::Response;
use http::HeaderMap;

use crate::billing;
use crate::domain::drafts::{Amount, Flaw, Interval, Period, PriceDraft, Pricing, Tier, Tiering};
use crate::domain::kind::Kind;
use crate::domain::raw::Raw;
use crate::web::access::Member;
use crate::web::csrf::ProtectedForm;
use crate::web::dashboard::act::{Act, act_pages, again, open, subject};
use crate::web::error::Result;
use crate::web::extract::Path;
use crate::web::forms::{Form, Refused, Typed, lead_on};
use crate::web::html::Wanted;
use crate::web::shell::{Nav, Shell};

/// Rows of tiers in the form.
const TIERS: usize = 5;

#[derive(Template)]
#[template(path = "products/price.html", blocks = ["act"])]
struct PricePage {
    shell: Shell,
    act: Act,
    models: [(&'static str, &'static str, &'static str); 4],
    intervals: Vec<(&'static str, &'static str)>,
    meters: Vec<(String, String)>,
    tiers: Vec<TierFields>,
    /// What the price would read like.
    sentence: Option<String>,
}

act_pages!(PricePage);

/// The names of the fields of one tier.
struct TierFields {
    up_to: String,
    unit_amount: String,
    flat_amount: String,
}

impl TierFields {
    fn of(row: usize) -> Self {
        let name = |field: &str| format!("tiers[{row}][{field}]");
        Self { up_to: name("up_to"), unit_amount: name("unit_amount"), flat_amount: name("flat_amount") }
    }
}

async fn page(member: &Member, headers: &HeaderMap, id: &str, form: Form) -> Result<(PricePage, Option<String>)> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Product, id).await?;
    drop(tx);
    let meters = meters(member, headers).await?;
    let shell = member.shell(Nav::Products);
    let text = "What a price costs can never be changed: for another amount, make another price and archive this one.";
    let page = PricePage {
        models: [
            ("per_unit", "Flat or per seat.", "An amount for each unit; with a quantity of one it is flat."),
            ("package", "Package.", "An amount for each started package of units."),
            ("graduated", "Graduated tiers.", "Each unit costs what its own tier says."),
            ("volume", "Volume tiers.", "All units cost what the tier of the whole quantity says."),
        ],
        intervals: vec![("", "Once"), ("month", "Month"), ("year", "Year"), ("week", "Week"), ("day", "Day")],
        meters,
        tiers: (0..TIERS).map(TierFields::of).collect(),
        sentence: None,
        act: Act {
            title: "New price".to_owned(),
            text: vec![subject.name, text.to_owned()],
            path: shell.url(format!("products/{}/prices/new", subject.id)),
            back: subject.page,
            button: "Create price",
            danger: false,
            form,
        },
        shell,
    };
    Ok((page, subject.raw.text("/unit_label").map(ToOwned::to_owned)))
}

/// The account's meters. Where they cannot be read, a meter is named by its id.
async fn meters(member: &Member, headers: &HeaderMap) -> Result<Vec<(String, String)>> {
    let found = match member.scope(headers).meters().await {
        Ok(meters) => meters,
        Err(billing::Error::Database(error)) => return Err(error.into()),
        Err(_) => Vec::new(),
    };
    let meter = |meter: &Raw| {
        let id = meter.text("/id")?.to_owned();
        let name = meter.text("/display_name").or(meter.text("/event_name")).unwrap_or(&id).to_owned();
        Some((id, name))
    };
    let none = (String::new(), "No meter: the quantity is set on the subscription".to_owned());
    Ok(std::iter::once(none).chain(found.iter().filter_map(meter)).collect())
}

pub(super) async fn ask(
    member: Member,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response> {
    let first = [("model", "per_unit"), ("currency", "usd"), ("recurring[interval]", "month")];
    open(&page(&member, &headers, &id, Form::new(first)).await?.0)
}

pub(super) async fn send(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let (mut page, unit) = page(&member, &headers, &id, Form::empty()).await?;
    let answer = match draft(&typed) {
        Ok(draft) if typed.has("look") && draft.flaws().is_empty() => {
            page.sentence = Some(draft.sentence(unit.as_deref()));
            page.act.form = Form::typed(typed);
            return crate::web::dashboard::act::shown(wanted, &page);
        }
        Ok(draft) => {
            let outcome = member.scope(&headers).create_price(&typed.nonce()?, &id, &draft).await;
            lead_on(wanted, outcome, (&page.act.back.path, "The price was created."))?
        }
        Err(flaws) => Err(Refused::flawed(flaws)),
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

fn draft(typed: &Typed) -> Result<PriceDraft, Vec<Flaw>> {
    let mut flaws = Vec::new();
    let currency = typed.text("currency").to_ascii_lowercase();
    let amount = |name: &str, flaws: &mut Vec<Flaw>| -> Option<Amount> {
        let text = typed.filled(name)?;
        let amount = Amount::major(&text, &currency);
        if amount.is_none() {
            flaws.push(Flaw::new(name, "An amount, such as 10.00 or 0.005."));
        }
        amount
    };
    let number = |name: &str, flaws: &mut Vec<Flaw>| match typed.number(name) {
        Ok(number) => number,
        Err(flaw) => {
            flaws.push(flaw);
            None
        }
    };
    let pricing = match typed.text("model") {
        tiering @ ("graduated" | "volume") => {
            let mut tiers = Vec::new();
            for row in 0..TIERS {
                let fields = TierFields::of(row);
                let tier = Tier {
                    up_to: number(&fields.up_to, &mut flaws),
                    unit_amount: amount(&fields.unit_amount, &mut flaws),
                    flat_amount: amount(&fields.flat_amount, &mut flaws),
                };
                if tier.up_to.is_some() || tier.unit_amount.is_some() || tier.flat_amount.is_some() {
                    tiers.push(tier);
                }
            }
            let tiering = if tiering == "volume" { Tiering::Volume } else { Tiering::Graduated };
            Some(Pricing::Tiered(tiering, tiers))
        }
        model => {
            if typed.text("unit_amount").is_empty() {
                flaws.push(Flaw::new("unit_amount", "This is needed."));
            }
            let amount = amount("unit_amount", &mut flaws);
            let size = number("transform_quantity[divide_by]", &mut flaws);
            amount.map(|amount| match model {
                "package" => Pricing::Package { amount, size: size.unwrap_or(0) },
                _ => Pricing::PerUnit(amount),
            })
        }
    };
    let count = number("recurring[interval_count]", &mut flaws).unwrap_or(1);
    let period = Interval::parse(typed.text("recurring[interval]")).map(|interval| Period {
        interval,
        count: u64::try_from(count).unwrap_or(0),
        meter: typed.filled("recurring[meter]"),
    });
    if period.is_none() && !typed.text("recurring[meter]").is_empty() {
        flaws.push(Flaw::new("recurring[meter]", "Only a price that is paid again and again can have a meter."));
    }
    match pricing {
        Some(pricing) if flaws.is_empty() => Ok(PriceDraft {
            currency,
            pricing,
            period,
            nickname: typed.filled("nickname"),
            lookup_key: typed.filled("lookup_key"),
            metadata: typed.metadata(),
        }),
        _ => Err(flaws),
    }
}
