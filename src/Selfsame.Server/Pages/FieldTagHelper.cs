using Microsoft.AspNetCore.Mvc.Rendering;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Microsoft.AspNetCore.Razor.TagHelpers;

namespace Selfsame.Server.Pages;

/// <summary>
/// One field of a form: label, hint, input and error, bound together for screen readers. What was typed is shown
/// again, but never a password.
/// </summary>
[HtmlTargetElement("field", Attributes = "name,label", TagStructure = TagStructure.WithoutEndTag)]
public sealed class FieldTagHelper : TagHelper
{
    [ViewContext]
    [HtmlAttributeNotBound]
    public ViewContext ViewContext { get; set; } = null!;

    public required string Name { get; set; }

    public required string Label { get; set; }

    /// <summary><c>text</c>, <c>password</c>, <c>email</c>, <c>lines</c> or <c>tick</c>.</summary>
    public string Type { get; set; } = "text";

    public string? Hint { get; set; }

    /// <summary>What the field holds before anything was typed.</summary>
    public string? Value { get; set; }

    /// <summary>Whether a box is ticked before anything was posted.</summary>
    public bool Ticked { get; set; }

    public string? Autocomplete { get; set; }

    public bool Optional { get; set; }

    public override void Process(TagHelperContext context, TagHelperOutput output)
    {
        var page = (SelfsamePage)ViewContext.ViewData.Model!;
        var errors = page.Errors.ByField.TryGetValue(Name, out var refusals) ? refusals : [];
        output.TagName = "div";
        output.TagMode = TagMode.StartTagAndEndTag;
        output.Attributes.SetAttribute("class", errors.Count > 0 ? "field invalid" : "field");
        var input = Input(page, errors.Count > 0);
        if (Type == "tick")
        {
            output.Content.AppendHtml(input).AppendHtml(LabelFor());
            AppendHint(output);
        }
        else
        {
            output.Content.AppendHtml(LabelFor());
            AppendHint(output);
            output.Content.AppendHtml(input);
        }

        if (errors.Count > 0)
        {
            var text = new TagBuilder("p");
            text.AddCssClass("field-error");
            text.Attributes["id"] = $"{Name}-error";
            text.InnerHtml.AppendHtml("<span class=\"unseen\">Error: </span>").Append(string.Join(" ", errors.Select(error => error.Message)));
            output.Content.AppendHtml(text);
        }
    }

    private TagBuilder LabelFor()
    {
        var label = new TagBuilder("label");
        label.Attributes["for"] = Name;
        label.InnerHtml.Append(Label);
        if (Optional)
        {
            label.InnerHtml.AppendHtml(" <span class=\"quiet\">(optional)</span>");
        }

        return label;
    }

    private void AppendHint(TagHelperOutput output)
    {
        if (Hint is not null)
        {
            var hint = new TagBuilder("p");
            hint.AddCssClass("hint");
            hint.Attributes["id"] = $"{Name}-hint";
            hint.InnerHtml.Append(Hint);
            output.Content.AppendHtml(hint);
        }
    }

    private TagBuilder Input(SelfsamePage page, bool isInvalid)
    {
        var input = new TagBuilder(Type == "lines" ? "textarea" : "input");
        input.Attributes["id"] = Name;
        input.Attributes["name"] = Name;
        switch (Type)
        {
            case "lines":
                input.Attributes["rows"] = "3";
                input.InnerHtml.Append(page.Typed(Name) ?? Value ?? "");
                break;
            case "tick":
                FillTick(input, page);
                break;
            default:
                FillText(input, page);
                break;
        }

        string[] describedBy = [.. Hint is null ? [] : new[] { $"{Name}-hint" }, .. isInvalid ? new[] { $"{Name}-error" } : []];
        if (describedBy.Length > 0)
        {
            input.Attributes["aria-describedby"] = string.Join(' ', describedBy);
        }

        if (isInvalid)
        {
            input.Attributes["aria-invalid"] = "true";
        }

        return input;
    }

    private void FillTick(TagBuilder input, SelfsamePage page)
    {
        input.TagRenderMode = TagRenderMode.SelfClosing;
        input.Attributes["type"] = "checkbox";
        input.Attributes["value"] = "true";
        if (page.HttpContext.Request.Method == "POST" ? page.Ticked(Name) : Ticked)
        {
            input.Attributes["checked"] = "checked";
        }
    }

    /// <summary>
    /// E-mail addresses are plain text to the browser: <c>type=email</c> would rewrite international ones.
    /// </summary>
    private void FillText(TagBuilder input, SelfsamePage page)
    {
        input.TagRenderMode = TagRenderMode.SelfClosing;
        input.Attributes["type"] = Type == "password" ? "password" : "text";
        if (Type != "password")
        {
            input.Attributes["value"] = page.Typed(Name) ?? Value ?? "";
        }

        if (Type == "email")
        {
            input.Attributes["inputmode"] = "email";
        }

        if (Type is "email" || Autocomplete is "username")
        {
            input.Attributes["autocapitalize"] = "none";
            input.Attributes["spellcheck"] = "false";
        }

        if (Autocomplete is not null)
        {
            input.Attributes["autocomplete"] = Autocomplete;
        }

        if (!Optional)
        {
            input.Attributes["required"] = "required";
        }
    }
}

/// <summary>An instant in words, and for programs.</summary>
[HtmlTargetElement("instant", Attributes = "at", TagStructure = TagStructure.WithoutEndTag)]
public sealed class InstantTagHelper : TagHelper
{
    public DateTimeOffset? At { get; set; }

    /// <summary>What to say when there is none.</summary>
    public string None { get; set; } = "never";

    public override void Process(TagHelperContext context, TagHelperOutput output)
    {
        output.TagMode = TagMode.StartTagAndEndTag;
        output.TagName = At is null ? "span" : "time";
        if (At is { } at)
        {
            output.Attributes.SetAttribute("datetime", at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
            output.Content.Append(Words.Instant(at));
        }
        else
        {
            output.Content.Append(None);
        }
    }
}
