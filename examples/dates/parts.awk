# Labels the words of dates: one word and its label per line, and an empty line after each date (docs/tour/13-labels.md):
#
#     awk -f parts.awk dates.train.src
function part(word) {
    word = tolower(word)
    if (word ~ /^(the|of|on|in|and)$/) return "O"
    if (word ~ /day$|^(mon|tue|wed|thu|fri|sat|sun)\.?$/) return "WEEKDAY"
    if (word ~ /^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/) return "MONTH"
    if (word ~ /^[0-9][0-9]?$|(st|nd|rd|th)$/) return "DAY"
    return word ~ /[a-z0-9]/ ? "YEAR" : "O"
}
{
    gsub(/,/, " ,")
    for (i = 1; i <= NF; i++) print $i "\t" part($i)
    print ""
}
