"""Numbers of people in the Americas."""

from typing import Final

from genaiops.checks.pii import _checksums as check
from genaiops.checks.pii._rows import NATIONAL_ID, TAX_ID, identity

_MBI: Final = "[AC-HJKMNP-RT-Y]"

PATTERNS: Final = (
    identity(
        "us_ssn",
        r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}",
        "us.ssn",
        "Social security number of the United States",
        *("ssn", "ssns", "ssn#", "social security", "social", "soc sec", "ss#", "ss number"),
        checked=False,
    ),
    identity(
        "us_itin",
        r"9\d{2}[ -]?[5-9]\d[ -]?\d{4}",
        "us.itin",
        "Individual taxpayer number of the United States",
        *("itin", "individual taxpayer", *TAX_ID),
        checked=False,
    ),
    identity(
        "us_ein", r"\d{2}-\d{7}", "us.ein", "Employer number", "ein", "employer identification number", checked=False
    ),
    identity("us_npi", r"[12]\d{9}", check.us_npi, "National provider number", "npi", "national provider identifier"),
    identity("us_dea", r"[A-HJ-NPR-UX][A-Z9]\d{7}", check.us_dea, "DEA number", "dea", "dea number", "dea #"),
    identity(
        "us_medicare",
        rf"[1-9]{_MBI}[AC-HJKMNP-RT-Y\d]\d-?{_MBI}[AC-HJKMNP-RT-Y\d]\d-?{_MBI}{{2}}\d{{2}}",
        None,
        "Medicare beneficiary number",
        *("medicare", "mbi", "beneficiary"),
    ),
    identity(
        "ca_sin",
        r"\d{3}[ -]\d{3}[ -]\d{3}|\d{9}",
        "ca.sin",
        "Social insurance number of Canada",
        *("sin", "social insurance number", "social insurance", "assurance sociale", "nas"),
    ),
    identity(
        "ca_health_number",
        r"9\d{3}[ -]?\d{3}[ -]?\d{3}",
        "ca.bc_phn",
        "Health number of British Columbia",
        *("phn", "health number", "personal health number", "health card"),
    ),
    identity("mx_curp", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", "mx.curp", "CURP"),
    identity(
        "mx_rfc",
        r"[A-ZÑ&]{3,4}\d{6}[A-Z\d]{3}",
        "mx.rfc",
        "Tax number of Mexico",
        *("rfc", "registro federal", "contribuyentes", *TAX_ID),
    ),
    identity(
        "br_cpf",
        r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}|\d{9}-\d{2}",
        "br.cpf",
        "CPF",
        *("cpf", "cadastro de pessoas físicas", "cic", *NATIONAL_ID, *TAX_ID),
    ),
    identity("br_cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf", "CPF"),
    identity("br_cnpj", r"[A-Z\d]{2}\.[A-Z\d]{3}\.[A-Z\d]{3}/[A-Z\d]{4}-\d{2}", "br.cnpj", "CNPJ"),
    identity("br_cnpj", r"[A-Z\d]{12}\d{2}", "br.cnpj", "CNPJ", "cnpj", "cadastro nacional", "empresa", *TAX_ID),
    identity(
        "ar_cuit",
        r"(?:20|23|24|27|30|33|34)-?\d{8}-?\d",
        "ar.cuit",
        "CUIT or CUIL of Argentina",
        *("cuit", "cuil", "clave única", *TAX_ID),
    ),
    identity(
        "ar_dni",
        r"\d{2}\.\d{3}\.\d{3}|\d{7,8}",
        "ar.dni",
        "DNI of Argentina",
        *("dni", "documento nacional", "documento"),
        checked=False,
    ),
    identity("cl_rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", "cl.rut", "RUT of Chile"),
    identity(
        "cl_rut",
        r"\d{7,8}-?[\dkK]",
        "cl.rut",
        "RUT of Chile",
        *("rut", "run", "rol único", "rol unico", *NATIONAL_ID, *TAX_ID),
    ),
    identity(
        "co_cedula",
        r"\d{1,3}(?:\.\d{3}){2,3}|\d{6,10}",
        None,
        "Cédula of Colombia",
        *("cédula", "cedula", "cédula de ciudadanía", "cedula de ciudadania", "c.c."),
    ),
    identity(
        "co_nit", r"\d{3}\.?\d{3}\.?\d{3}-?\d", "co.nit", "NIT of Colombia", "nit", "número de identificación", *TAX_ID
    ),
    identity("pe_ruc", r"(?:1[0567]|20)\d{9}", "pe.ruc", "RUC of Peru", "ruc", "contribuyente", *TAX_ID),
    identity("pe_dni", r"\d{8}-?[A-K\d]", "pe.cui", "DNI of Peru with its check", "dni", "cui", *NATIONAL_ID),
    identity(
        "ec_cedula",
        r"\d{10}|\d{9}-\d",
        "ec.ci",
        "Cédula of Ecuador",
        *("cédula", "cedula", "cédula de identidad", "cedula de identidad", "ci", *NATIONAL_ID),
    ),
    identity("ec_ruc", r"\d{13}", "ec.ruc", "RUC of Ecuador", "ruc", *TAX_ID),
    identity(
        "uy_cedula",
        r"\d\.\d{3}\.\d{3}-\d|\d{7}-?\d",
        check.uy_identity,
        "Cédula of Uruguay",
        *("cédula", "cedula", "ci", "c.i.", *NATIONAL_ID),
    ),
    identity("uy_rut", r"\d{12}|\d{2}-\d{6}-\d{3}-\d", "uy.rut", "RUT of Uruguay", "rut", *TAX_ID),
    identity("ve_rif", r"[VEJPG]-?\d{8}-?\d", "ve.rif", "RIF of Venezuela", "rif", "cédula", "cedula", *TAX_ID),
    identity("py_ruc", r"\d{5,8}-\d", "py.ruc", "RUC of Paraguay", "ruc", *TAX_ID),
    identity(
        "do_cedula",
        r"\d{3}-?\d{7}-?\d",
        "do.cedula",
        "Cédula of the Dominican Republic",
        *("cédula", "cedula", *NATIONAL_ID),
    ),
    identity(
        "cr_cedula",
        r"\d{1,2}-?\d{4}-?\d{4}",
        "cr.cpf",
        "Cédula of Costa Rica",
        *("cédula", "cedula", *NATIONAL_ID),
        checked=False,
    ),
    identity("gt_nit", r"\d{7,11}-?[\dkK]", "gt.nit", "NIT of Guatemala", "nit", *TAX_ID),
    identity("sv_nit", r"\d{4}-?\d{6}-?\d{3}-?\d", "sv.nit", "NIT of El Salvador", "nit", *TAX_ID),
    identity(
        "cu_identity",
        r"\d{11}",
        "cu.ni",
        "Identity number of Cuba",
        *("carné de identidad", "carnet de identidad", "número de identidad", *NATIONAL_ID),
        checked=False,
    ),
)
