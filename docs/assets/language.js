// The site has one language for all its pages; screen readers and fonts go by that of each.
if (location.pathname.includes("/zh/")) document.documentElement.lang = "zh-Hans";
