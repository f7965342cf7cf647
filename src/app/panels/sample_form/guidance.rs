//! Of which class samples should be, and how strongly they are led there.

use std::{collections::BTreeMap, path::PathBuf};

use eframe::egui::{CollapsingHeader, Ui};

use super::model::Known;
use crate::{
    app::widgets::form,
    diffusion::Guidance,
    engine::{
        command::{ClassChoice, ClassifierChoice, Model, SampleRequest},
        judge,
    },
    math::{Param, Params, Value},
};

/// The half-edited choice.
#[derive(Debug)]
pub struct GuidanceDraft {
    /// Class of the samples.
    pub class: ClassChoice,
    /// Guidance scale; 1 is off.
    pub scale: f64,
    /// Classifier guidance scale; 0 is off.
    pub classifier: f64,
    more: BTreeMap<String, Value>,
}

impl Default for GuidanceDraft {
    fn default() -> Self {
        Self {
            class: ClassChoice::None,
            scale: 1.0,
            classifier: 0.0,
            more: BTreeMap::new(),
        }
    }
}

/// What few need.
const MORE: &[Param] = &[
    Param::text("weaker-model", "", "Autoguidance: a folder with a smaller or earlier model of the same data; what it would do is left behind by the guidance scale").or_else("none"),
    Param::real("from-noise", 0.0, 100.0, 0.0, "Guidance acts above this noise level σ/α only").or_else("the end"),
    Param::real("to-noise", 0.0, 1000.0, 0.0, "Guidance acts below this noise level σ/α only; some 2 keeps samples varied").or_else("the start"),
    Param::real("rescale", 0.0, 1.0, 0.0, "How far the guided answer is brought back to its spread without guidance; 0.7 keeps strong guidance from burning out"),
];

/// The rows; fewer where the network knows no classes and nothing can tell them from outside.
pub(in crate::app::panels) fn guidance_rows(ui: &mut Ui, draft: &mut GuidanceDraft, known: &Known) {
    let judged = known.source.as_deref().map_or(&[][..], judge::class_names);
    let told = known.classes.as_ref().is_none_or(|names| !names.is_empty());
    class_rows(ui, draft, known, judged);
    if told && draft.class != ClassChoice::None || draft.weaker().is_some() {
        let help = "How strongly the class is insisted on; 1 is off, above 1 costs twice the time";
        form::row(ui, "Guidance", help, |ui| form::real(ui, &mut draft.scale, 0.0..=10.0));
    }
    if !judged.is_empty() && draft.class != ClassChoice::None {
        let help = "How strongly the classifier that ships with the program leads towards the class; 1 follows Bayes' rule, 0 is off";
        form::row(ui, "Classifier", help, |ui| {
            form::real(ui, &mut draft.classifier, 0.0..=10.0)
        });
    }
    CollapsingHeader::new("More guidance")
        .id_salt("more guidance")
        .show(ui, |ui| {
            form::params(ui, MORE, &mut draft.more);
        });
}

fn class_rows(ui: &mut Ui, draft: &mut GuidanceDraft, known: &Known, judged: &[String]) {
    let names = match &known.classes {
        Some(names) if !names.is_empty() => names,
        _ => judged,
    };
    let unknown = known.classes.is_none() && names.is_empty();
    if !unknown && names.is_empty() {
        draft.class = ClassChoice::None;
        return;
    }
    let mut options = vec![(ClassChoice::None, "Any"), (ClassChoice::Each, "Each in turn")];
    options.extend(
        (0_u32..)
            .zip(names)
            .map(|(i, name)| (ClassChoice::One(i), name.as_str())),
    );
    if unknown {
        options.push((ClassChoice::One(0), "By number"));
    }
    let help =
        "What the samples should be of, for networks that were told classes and for data that a classifier knows";
    form::row(ui, "Class", help, |ui| {
        let mut shown = match draft.class {
            ClassChoice::One(_) if unknown => ClassChoice::One(0),
            other => other,
        };
        let response = form::choice(ui, "class", &mut shown, &options);
        if response.changed() {
            draft.class = shown;
        }
        response
    });
    if let (ClassChoice::One(class), true) = (&mut draft.class, unknown) {
        form::row(ui, "Number", "Index of the class, from 0", |ui| {
            let mut index = i64::from(*class);
            let response = form::whole(ui, &mut index, 0..=9999);
            *class = index as u32;
            response
        });
    }
}

impl GuidanceDraft {
    /// Writes the choice into a request.
    pub(in crate::app::panels) fn put_into(&self, request: &mut SampleRequest, known: &Known) {
        let led = self.class != ClassChoice::None;
        let judged = known
            .source
            .as_deref()
            .is_some_and(|source| !judge::class_names(source).is_empty());
        request.class = self.class;
        request.weaker = self.weaker();
        let is_led = led && judged && self.classifier > 0.0;
        request.classifier = is_led.then_some(ClassifierChoice {
            scale: self.classifier,
            judge: None,
        });
        if led || request.weaker.is_some() {
            request.guidance = self.guidance();
        }
    }

    /// Takes over how a request was led; a weaker model only where it is a folder, which the form can name.
    pub(in crate::app::panels) fn take(&mut self, request: &SampleRequest) {
        *self = Self {
            class: request.class,
            scale: request.guidance.scale,
            classifier: request.classifier.as_ref().map_or(0.0, |classifier| classifier.scale),
            more: BTreeMap::new(),
        };
        let (low, high) = request.guidance.interval;
        let high = if high.is_finite() { high } else { 0.0 };
        for (key, value) in [
            ("from-noise", low),
            ("to-noise", high),
            ("rescale", request.guidance.rescale),
        ] {
            if value > 0.0 {
                self.more.insert(key.into(), Value::Real(value));
            }
        }
        if let Some(Model::Folder(path)) = &request.weaker {
            self.more
                .insert("weaker-model".into(), Value::Text(path.display().to_string()));
        }
    }

    /// Rescales what guidance makes by this share.
    pub(in crate::app::panels) fn rescale(&mut self, share: f64) {
        if share > 0.0 {
            self.more.insert("rescale".into(), Value::Real(share));
        }
    }

    fn guidance(&self) -> Guidance {
        // What the form holds it has checked; a broken value would be its default.
        let values = Params::check(MORE, &self.more).or_else(|_| Params::check(MORE, &BTreeMap::new()));
        let Ok(values) = values else {
            return Guidance::scale(self.scale);
        };
        let top = values.real("to-noise");
        Guidance {
            scale: self.scale,
            interval: (values.real("from-noise"), if top > 0.0 { top } else { f64::INFINITY }),
            rescale: values.real("rescale"),
        }
    }

    fn weaker(&self) -> Option<Model> {
        match self.more.get("weaker-model") {
            Some(Value::Text(path)) if !path.trim().is_empty() => Some(Model::Folder(PathBuf::from(path.trim()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::TrajectoryId;

    fn request() -> SampleRequest {
        SampleRequest {
            id: TrajectoryId(1),
            steps: 5,
            ..SampleRequest::default()
        }
    }

    #[test]
    fn nothing_is_asked_for_that_cannot_act() {
        let draft = GuidanceDraft {
            scale: 3.0,
            classifier: 2.0,
            ..GuidanceDraft::default()
        };
        let mut made = request();
        draft.put_into(&mut made, &Known::default());
        assert_eq!((made.guidance, made.classifier), (Guidance::default(), None));
    }

    #[test]
    fn every_row_reaches_the_request() {
        let mut draft = GuidanceDraft {
            class: ClassChoice::One(3),
            scale: 3.0,
            classifier: 2.0,
            ..GuidanceDraft::default()
        };
        draft.more.insert("from-noise".into(), Value::Real(0.2));
        draft.more.insert("to-noise".into(), Value::Real(5.0));
        draft.more.insert("rescale".into(), Value::Real(0.7));
        draft.more.insert("weaker-model".into(), Value::Text(" old ".into()));
        let known = Known {
            source: Some("fashion-mnist".into()),
            ..Known::default()
        };
        let mut made = request();
        draft.put_into(&mut made, &known);
        let guidance = Guidance {
            scale: 3.0,
            interval: (0.2, 5.0),
            rescale: 0.7,
        };
        assert_eq!((made.guidance, made.class), (guidance, ClassChoice::One(3)));
        assert_eq!(made.classifier.map(|c| c.scale), Some(2.0));
        assert!(matches!(made.weaker, Some(Model::Folder(path)) if path == *"old"));
    }
}
