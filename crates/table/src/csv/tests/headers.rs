//! The names of columns.

use super::{File, all, numbers};
use crate::options::TextOptions;
use crate::reader::{Kind, Reader};

#[test]
fn headers_are_read_as_people_write_them() {
    for (text, names, notices) in [
        ("\u{feff}\n a ,\"b, $\"\n1,2\n", "a|b, $", ""),
        ("a;b\n1,5;2\n", "a|b", "cells are separated by `;`"),
        ("a\tb,c\n1\t2\n", "a|b,c", "cells are separated by tabs"),
        ("a b\n1 2\n", "a|b", "cells are separated by spaces"),
        (
            "  age  height\n   7     120\n  12     151\n",
            "age|height",
            "cells are separated by spaces",
        ),
        (
            "mpg   cyl\tcar\n18.0   8\t\"ford torino\"\n",
            "mpg|cyl|car",
            "cells are separated by spaces",
        ),
        (
            "first name\tlast  name\nAnn M\tLee  \n",
            "first name|last  name",
            "cells are separated by tabs",
        ),
        (
            "\"a\" \"b\"\n\"x y\" 1 2\n\"z\" 3 4\n",
            "(#1)|a|b",
            "cells are separated by spaces; columns without a name are called by their places, and are features only if asked for: `#1`; rows have one cell more than the first line: the first is the name of the row, and `a` is the second",
        ),
        ("a b,c\n1 2,3\n", "a b|c", ""),
        ("a b\nx\ny z\n", "a b", ""),
        (
            "\"\",x\n1,2\n",
            "(#1)|x",
            "columns without a name are called by their places, and are features only if asked for: `#1`",
        ),
        (
            "x,y\nr1,1,2\nr2,1,2\n",
            "(#1)|x|y",
            "columns without a name are called by their places, and are features only if asked for: `#1`; rows have one cell more than the first line: the first is the name of the row, and `x` is the second",
        ),
        (
            "x,y\n1,2,\n3,4,\n",
            "x|y|(#3)",
            "columns without a name are called by their places, and are features only if asked for: `#3`",
        ),
        ("x,y,\n1,2\n3,4\n", "x|y", ""),
        (
            ",x,\n1,2,\n",
            "(#1)|x|(#3)",
            "columns without a name are called by their places, and are features only if asked for: `#1`, `#3`",
        ),
        (
            "a,a,a\n1,2,3\n",
            "a|a_2|a_3",
            "names that stand there twice get a number: column 2 is called `a_2`, column 3 is called `a_3`",
        ),
        (
            ",0,1\n0,5,6\n",
            "(#1)|0|1",
            "columns without a name are called by their places, and are features only if asked for: `#1`",
        ),
    ] {
        let csv = File::new(text).open(&TextOptions::default()).expect(text);
        let columns = csv.columns();
        let shown = columns.names.iter().zip(&columns.is_hidden);
        let shown: Vec<_> = shown
            .map(|(name, hidden)| {
                if *hidden {
                    format!("({name})")
                } else {
                    name.clone()
                }
            })
            .collect();
        assert_eq!(
            (
                shown.join("|").as_str(),
                columns.notices.join("; ").as_str()
            ),
            (names, notices),
            "{text:?}"
        );
    }
    let with = |header| TextOptions {
        header: Some(header),
        ..TextOptions::default()
    };
    let mut csv = File::new("1,2,\n3,4,\n").open(&with(false)).expect("rows");
    assert_eq!(csv.columns().names, ["#1", "#2", "#3"]);
    assert_eq!(csv.columns().is_hidden, [false, false, true]);
    assert_eq!(
        numbers(&all(&mut csv, Kind::Number).expect("rows"), 1),
        [2.0, 4.0]
    );
    let csv = File::new("1,2\n3,4\n").open(&with(true)).expect("names");
    assert_eq!(csv.columns().names, ["1", "2"]);
}
