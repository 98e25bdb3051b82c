# ruff: noqa: RUF001 (words of other scripts)
"""Numbers of people in the west, the north and the south of Europe."""

from typing import Final

from genaiops.checks.pii import _checksums as check
from genaiops.checks.pii._rows import NATIONAL_ID, TAX_ID, identity

_NORDIC: Final = ("personnummer", "personal number", "personal identity number", "fødselsnummer", "fodselsnummer")

PATTERNS: Final = (
    identity(
        "gb_national_insurance",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        None,
        "National Insurance number",
        *("national insurance", "national insurance number", "ni number", "nino", "ni no", "n.i."),
    ),
    identity(
        "gb_nhs",
        r"\d{3}[ -]\d{3}[ -]\d{4}|\d{10}",
        "gb.nhs",
        "NHS number",
        *("nhs", "nhs number", "nhs no", "health service number"),
    ),
    identity(
        "gb_tax", r"\d{10}|\d{5} \d{5}", "gb.utr", "Unique taxpayer reference", "utr", "taxpayer reference", *TAX_ID
    ),
    identity(
        "gb_driving_licence",
        r"[A-Z9]{5}\d[0156]\d(?:[0-2]\d|3[01])\d[A-Z9]{2}[A-Z\d]{3}",
        None,
        "Driving licence of Great Britain",
        *("driving licence", "driver licence", "driver's licence", "licence number", "licence", "dvla"),
    ),
    identity(
        "ie_pps", r"\d{7}[A-W][A-IW]?", "ie.pps", "PPS number", "pps", "ppsn", "pps number", "personal public service"
    ),
    identity(
        "de_tax_id",
        r"[1-9]\d{10}|[1-9]\d \d{3} \d{3} \d{3}",
        "de.idnr",
        "Steuer-Identifikationsnummer",
        *("steuer-id", "steuer-identifikationsnummer", "steueridentifikationsnummer", "steuernummer", "idnr", "tin"),
        *("steuer id", "identifikationsnummer", "steuer-idnr", *TAX_ID),
    ),
    identity(
        "de_social_insurance",
        r"\d{2} ?[0-37-9]\d[01]\d{3} ?[A-Z] ?\d{3}",
        check.de_social_insurance,
        "Rentenversicherungsnummer",
    ),
    identity(
        "de_health_insurance",
        r"[A-Z]\d{9}(?:\d{10})?",
        check.de_health_insurance,
        "Krankenversichertennummer",
        *("krankenversichertennummer", "krankenversichertennr", "kvnr", "versichertennummer", "krankenkasse"),
    ),
    identity(
        "de_id_card",
        r"[CFGHJK-NPRTV-Z][CFGHJK-NPRTV-Z\d]{8}\d",
        check.weights_731,
        "Personalausweis, passport",
        *("personalausweis", "personalausweisnummer", "ausweisnummer", "ausweis", "reisepass", *NATIONAL_ID),
    ),
    identity(
        "fr_social_security",
        r"[12378] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
        "fr.nir",
        "NIR",
    ),
    identity(
        "fr_tax_id",
        r"[0-3]\d{12}|[0-3]\d(?: \d{2}){2} \d{3} \d{3} \d{1}|[0-3]\d \d{2} \d{3} \d{3} \d{3}",
        "fr.nif",
        "Numéro fiscal",
        *("numéro fiscal", "numero fiscal", "spi", "identifiant fiscal", *TAX_ID),
    ),
    identity(
        "es_dni",
        r"\d{8}[ -]?[A-HJ-NP-TV-Z]",
        "es.dni",
        "DNI",
        *("dni", "nif", "documento nacional de identidad", "documento", "n.i.f.", "d.n.i.", *NATIONAL_ID, *TAX_ID),
    ),
    identity("es_dni", r"\d{8}-[A-HJ-NP-TV-Z]", "es.dni", "DNI"),
    identity("es_nie", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie", "NIE"),
    identity(
        "es_social_security",
        r"\d{2}[ /-]?\d{8}[ /-]?\d{2}",
        check.es_social_security,
        "Número de la Seguridad Social",
        *("seguridad social", "nss", "naf", "número de afiliación"),
    ),
    identity(
        "it_fiscal_code",
        r"(?i)[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPRST][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z]",
        "it.codicefiscale",
        "Codice fiscale",
    ),
    identity("it_vat", r"\d{11}", "it.iva", "Partita IVA", "partita iva", "p. iva", "p.iva", "codice fiscale", *TAX_ID),
    identity(
        "pt_nif",
        r"[1-35689]\d{8}|[1-35689]\d{2} \d{3} \d{3}",
        "pt.nif",
        "NIF of Portugal",
        *("nif", "contribuinte", "número de contribuinte", "numero de contribuinte", *TAX_ID),
    ),
    identity(
        "pt_citizen_card",
        r"\d{8} ?\d ?[A-Z\d]{2}\d",
        "pt.cc",
        "Cartão de Cidadão",
        *("cartão de cidadão", "cartao de cidadao", "cidadão", "cc", *NATIONAL_ID),
    ),
    identity(
        "nl_bsn",
        r"\d{9}|\d{4}\.\d{2}\.\d{3}|\d{3} \d{3} \d{3}",
        "nl.bsn",
        "Burgerservicenummer",
        *("bsn", "burgerservicenummer", "burger service nummer", "sofinummer", "sofi", *NATIONAL_ID),
    ),
    identity("be_national_number", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", "be.nn", "National register number of Belgium"),
    identity(
        "be_national_number",
        r"\d{11}|\d{6}-\d{3}-\d{2}|\d{2}[ .]\d{2}[ .]\d{2}[ -]\d{3}[ .-]\d{2}",
        "be.nn",
        "National register number of Belgium",
        *("rijksregisternummer", "rijksregister", "insz", "niss", "registre national", "national number", "nn"),
        *("numéro national", "numero national", *NATIONAL_ID),
    ),
    identity("ch_ahv", r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d{2}", "ch.ssn", "AHV number"),
    identity(
        "at_social_insurance",
        r"\d{4} ?\d{6}",
        "at.vnr",
        "Versicherungsnummer of Austria",
        *("svnr", "sv-nummer", "sozialversicherungsnummer", "versicherungsnummer", "sv-nr", "e-card"),
        *("social insurance number", "social security number"),
    ),
    identity(
        "at_tax", r"\d{2}-?\d{3}/?\d{4}", "at.tin", "Abgabenkontonummer", "steuernummer", "abgabenkontonummer", *TAX_ID
    ),
    identity("se_personal_number", r"(?:18|19|20)?\d{6}[-+]\d{4}", "se.personnummer", "Personnummer"),
    identity(
        "se_personal_number",
        r"(?:18|19|20)?\d{10}",
        "se.personnummer",
        "Personnummer",
        *(*_NORDIC, "pnr", "person nr", "samordningsnummer", *NATIONAL_ID),
    ),
    identity(
        "no_birth_number",
        r"\d{6} ?\d{5}",
        "no.fodselsnummer",
        "Fødselsnummer",
        *_NORDIC,
        "fnr",
        "d-nummer",
        *NATIONAL_ID,
    ),
    identity(
        "dk_cpr",
        r"\d{6}-?\d{4}",
        "dk.cpr",
        "CPR number",
        *("cpr", "cpr-nummer", "cpr nummer", "cpr-nr", "personnummer", *NATIONAL_ID),
        checked=False,
    ),
    identity("fi_identity", r"\d{6}[-+A-FU-Y]\d{3}[\dA-FHJ-NPR-Y]", "fi.hetu", "Henkilötunnus"),
    identity("is_identity", r"\d{6}-?\d{4}", "is_.kennitala", "Kennitala", "kennitala", "kt", "kt.", *NATIONAL_ID),
    identity(
        "mt_identity",
        r"\d{3,7}[MGAPLHBZ]",
        None,
        "Identity card of Malta",
        "maltese id",
        "karta tal-identità",
        *NATIONAL_ID,
    ),
    identity(
        "gr_amka",
        r"\d{11}",
        "gr.amka",
        "AMKA",
        *("amka", "α.μ.κ.α.", "αμκα", "κοινωνικής ασφάλισης", "social security number"),
    ),
    identity("gr_tax", r"(?:EL ?)?\d{9}", "gr.vat", "AFM", "afm", "α.φ.μ.", "αφμ", "φορολογικό μητρώο", *TAX_ID),
)
