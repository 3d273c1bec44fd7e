//! Writes pages. Markup is what stands in the source; whatever comes from anywhere else is text, and is escaped. So no name, URL or scope
//! ever is markup, and a library of templates would bring nothing that is needed here. Pure.

/// A page, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, as content or as the value of an attribute in quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a part.
    pub(super) fn part(&mut self, part: &Self) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_no_markup() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("\"><script>alert('1')</script>&amp;").raw("\">");
        let expected = "<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\">";
        assert_eq!(html.into_string(), expected);
    }

    proptest! {
        #[test]
        fn whatever_is_text_has_nothing_of_markup_and_is_read_as_it_was(text in ".{0,60}") {
            let mut html = Html::default();
            html.text(&text);
            let written = html.into_string();
            prop_assert!(!written.contains(['<', '>', '"', '\'']));
            let read = written.replace("&#39;", "'").replace("&quot;", "\"").replace("&gt;", ">");
            prop_assert_eq!(read.replace("&lt;", "<").replace("&amp;", "&"), text);
        }
    }
}
