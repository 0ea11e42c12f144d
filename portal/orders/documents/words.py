"""The words on documents, in the reader's language."""

from __future__ import annotations

from typing import Final

from babel import Locale, UnknownLocaleError

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pl", "ar", "he")
LANGUAGE_NAMES: Final = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch", "pl": "Polish",
    "ar": "Arabic", "he": "Hebrew",
}  # fmt: skip
FALLBACK: Final = "en"
# The language of a country's buyers, where the order and the customer say none.
OF_COUNTRY: Final = {
    "AT": "de", "DE": "de", "LI": "de", "FR": "fr", "LU": "fr", "MC": "fr", "ES": "es", "MX": "es", "AR": "es", "CL": "es",
    "CO": "es", "PE": "es", "UY": "es", "IT": "it", "SM": "it", "VA": "it", "NL": "nl", "PL": "pl", "AE": "ar", "BH": "ar",
    "EG": "ar", "JO": "ar", "KW": "ar", "LB": "ar", "OM": "ar", "QA": "ar", "SA": "ar", "IL": "he", "GB": "en", "IE": "en",
    "US": "en", "AU": "en", "NZ": "en",
}  # fmt: skip

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "invoice": ("Invoice", "Rechnung", "Facture", "Factura", "Fattura", "Factuur", "Faktura", "فاتورة", "חשבונית"),
    "credit_note": (
        "Credit note", "Rechnungskorrektur", "Avoir", "Factura rectificativa", "Nota di credito", "Creditnota",
        "Faktura korygująca", "إشعار دائن", "חשבונית זיכוי",
    ),
    "packing_slip": (
        "Packing slip", "Lieferschein", "Bon de livraison", "Albarán", "Documento di trasporto", "Pakbon",
        "Dokument wydania", "قائمة التعبئة", "תעודת משלוח",
    ),
    "pick_list": (
        "Pick list", "Pickliste", "Liste de prélèvement", "Lista de preparación", "Lista di prelievo", "Picklijst",
        "Lista kompletacji", "قائمة الانتقاء", "רשימת ליקוט",
    ),
    "return_slip": (
        "Return slip", "Retourenschein", "Bon de retour", "Hoja de devolución", "Modulo di reso", "Retourformulier",
        "Formularz zwrotu", "نموذج الإرجاع", "טופס החזרה",
    ),
    "invoice_number": (
        "Invoice number", "Rechnungsnummer", "Numéro de facture", "Número de factura", "Numero fattura", "Factuurnummer",
        "Numer faktury", "رقم الفاتورة", "מספר חשבונית",
    ),
    "credit_note_number": (
        "Credit note number", "Korrekturnummer", "Numéro d’avoir", "Número de rectificativa", "Numero nota di credito",
        "Creditnotanummer", "Numer korekty", "رقم الإشعار", "מספר זיכוי",
    ),
    "issued_on": (
        "Date of issue", "Rechnungsdatum", "Date d’émission", "Fecha de expedición", "Data di emissione", "Factuurdatum",
        "Data wystawienia", "تاريخ الإصدار", "תאריך הפקה",
    ),
    "dated": ("Date", "Datum", "Date", "Fecha", "Data", "Datum", "Data", "التاريخ", "תאריך"),
    "supplied_on": (
        "Date of supply", "Leistungsdatum", "Date de livraison", "Fecha de la operación", "Data dell’operazione",
        "Leveringsdatum", "Data dostawy", "تاريخ التوريد", "תאריך אספקה",
    ),
    "due_on": (
        "Payment due", "Zahlbar bis", "Échéance", "Vencimiento", "Scadenza", "Te betalen vóór", "Termin płatności",
        "تاريخ الاستحقاق", "לתשלום עד",
    ),
    "order": ("Order", "Bestellung", "Commande", "Pedido", "Ordine", "Bestelling", "Zamówienie", "الطلب", "הזמנה"),
    "ordered_on": (
        "Ordered on", "Bestellt am", "Commandé le", "Pedido el", "Ordinato il", "Besteld op", "Data zamówienia",
        "تاريخ الطلب", "תאריך הזמנה",
    ),
    "buyer_vat_id": (
        "Your VAT ID", "Ihre USt-IdNr.", "Votre n° TVA", "Su NIF-IVA", "Vostra P. IVA", "Uw btw-nummer", "NIP nabywcy",
        "رقمكم الضريبي", "מספר עוסק שלכם",
    ),
    "position": ("No.", "Pos.", "N°", "N.º", "N.", "Nr.", "Lp.", "م", "מס׳"),
    "item": ("Item", "Artikel", "Article", "Artículo", "Articolo", "Artikel", "Towar", "الصنف", "פריט"),
    "quantity": ("Qty", "Menge", "Qté", "Cant.", "Q.tà", "Aantal", "Ilość", "الكمية", "כמות"),
    "unit_price": (
        "Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario", "Prezzo unitario", "Prijs per stuk",
        "Cena jedn.", "سعر الوحدة", "מחיר ליחידה",
    ),
    "discount": ("Discount", "Rabatt", "Remise", "Descuento", "Sconto", "Korting", "Rabat", "الخصم", "הנחה"),
    "tax": ("VAT", "USt", "TVA", "IVA", "IVA", "Btw", "VAT", "الضريبة", "מע״מ"),
    "amount": ("Amount", "Betrag", "Montant", "Importe", "Importo", "Bedrag", "Kwota", "المبلغ", "סכום"),
    "subtotal": (
        "Subtotal", "Zwischensumme", "Sous-total", "Subtotal", "Subtotale", "Subtotaal", "Suma częściowa",
        "المجموع الفرعي", "סכום ביניים",
    ),
    "tax_included": (
        "VAT included", "enthaltene USt", "dont TVA", "IVA incluido", "IVA inclusa", "waarvan btw", "w tym VAT",
        "شامل الضريبة", "כולל מע״מ",
    ),
    "net_total": (
        "Total without VAT", "Netto", "Total HT", "Base imponible", "Imponibile", "Totaal excl. btw", "Razem netto",
        "الإجمالي بدون ضريبة", "סה״כ לפני מע״מ",
    ),
    "total": ("Total", "Gesamtbetrag", "Total TTC", "Total", "Totale", "Totaal", "Razem", "الإجمالي", "סה״כ"),
    "credited": (
        "Credited", "Gutschriftbetrag", "Montant crédité", "Importe abonado", "Importo accreditato", "Gecrediteerd bedrag",
        "Kwota korekty", "المبلغ المُعاد", "סכום הזיכוי",
    ),
    "tax_rate": (
        "VAT rate", "Steuersatz", "Taux de TVA", "Tipo de IVA", "Aliquota", "Btw-tarief", "Stawka VAT", "نسبة الضريبة",
        "שיעור מע״מ",
    ),
    "net": ("Net", "Netto", "HT", "Base", "Imponibile", "Netto", "Netto", "الصافي", "נטו"),
    "gross": ("Gross", "Brutto", "TTC", "Total", "Totale", "Bruto", "Brutto", "الإجمالي", "ברוטו"),
    "shipping": ("Shipping", "Versand", "Livraison", "Envío", "Spedizione", "Verzending", "Wysyłka", "الشحن", "משלוח"),
    "fee": ("Fee", "Gebühr", "Frais", "Cargo", "Commissione", "Toeslag", "Opłata", "رسوم", "עמלה"),
    "adjustment": (
        "Adjustment", "Anpassung", "Ajustement", "Ajuste", "Rettifica", "Correctie", "Korekta", "تسوية", "התאמה",
    ),
    "gift": (
        "Gift wrap", "Geschenkverpackung", "Papier cadeau", "Envoltorio de regalo", "Confezione regalo",
        "Cadeauverpakking", "Opakowanie na prezent", "تغليف هدية", "אריזת מתנה",
    ),
    "donation": ("Donation", "Spende", "Don", "Donación", "Donazione", "Donatie", "Darowizna", "تبرع", "תרומה"),
    "refers_to": (
        "This credit note corrects invoice {number} of {date}.", "Diese Rechnungskorrektur bezieht sich auf Rechnung {number} vom {date}.",
        "Cet avoir rectifie la facture {number} du {date}.", "Esta factura rectifica la factura {number} de {date}.",
        "La presente nota di credito rettifica la fattura {number} del {date}.", "Deze creditnota corrigeert factuur {number} van {date}.",
        "Korekta dotyczy faktury {number} z dnia {date}.", "يصحح هذا الإشعار الفاتورة {number} بتاريخ {date}.",
        "זיכוי זה מתקן את חשבונית {number} מיום {date}.",
    ),
    "reverse_charge": (
        "Reverse charge: the recipient of the supply is liable for VAT (art. 196 Directive 2006/112/EC).",
        "Steuerschuldnerschaft des Leistungsempfängers (Art. 196 Richtlinie 2006/112/EG). Innergemeinschaftliche Lieferungen sind steuerfrei.",
        "Autoliquidation : la TVA est due par le preneur (art. 196 de la directive 2006/112/CE).",
        "Inversión del sujeto pasivo: el destinatario es el deudor del IVA (art. 196 de la Directiva 2006/112/CE).",
        "Inversione contabile: l’IVA è dovuta dal cessionario (art. 196 della direttiva 2006/112/CE).",
        "Btw verlegd: de afnemer is de btw verschuldigd (art. 196 richtlijn 2006/112/EG).",
        "Odwrotne obciążenie: podatek rozlicza nabywca (art. 196 dyrektywy 2006/112/WE).",
        "الاحتساب العكسي: مستلم التوريد هو الملزم بضريبة القيمة المضافة (المادة 196 من التوجيه 2006/112/EC).",
        "חיוב הפוך: מקבל האספקה חייב במע״מ (סעיף 196 להנחיה 2006/112/EC).",
    ),
    "export": (
        "VAT exempt: export outside the European Union or the country of dispatch.", "Steuerfreie Ausfuhrlieferung.", "Exonération de TVA : exportation.",
        "Operación exenta de IVA: exportación.", "Operazione non imponibile IVA: esportazione.", "Btw 0%: uitvoer.",
        "Eksport towarów – stawka 0%.", "معفى من الضريبة: تصدير.", "פטור ממע״מ: יצוא.",
    ),
    "exempt": (
        "Exempt from VAT.", "Umsatzsteuerfrei.", "Exonéré de TVA.", "Operación exenta de IVA.", "Operazione esente IVA.", "Vrijgesteld van btw.",
        "Zwolnione z VAT.", "معفى من ضريبة القيمة المضافة.", "פטור ממע״מ.",
    ),
    "paid": ("Paid: {amount}.", "Bezahlt: {amount}.", "Payé : {amount}.", "Pagado: {amount}.", "Pagato: {amount}.", "Betaald: {amount}.",
             "Zapłacono: {amount}.", "المدفوع: {amount}.", "שולם: {amount}."),
    "to_pay": (
        "Please pay {amount} by {date}, with {number} as reference.", "Bitte zahlen Sie {amount} bis zum {date} unter Angabe von {number}.",
        "Merci de régler {amount} avant le {date}, en rappelant {number}.", "Le rogamos que abone {amount} antes del {date}, indicando {number}.",
        "Si prega di versare {amount} entro il {date}, indicando {number}.", "Wij verzoeken u {amount} vóór {date} te betalen onder vermelding van {number}.",
        "Prosimy o zapłatę {amount} do {date} z podaniem numeru {number}.", "يرجى دفع {amount} قبل {date} مع ذكر {number}.",
        "נא לשלם {amount} עד {date} בציון {number}.",
    ),
    "in_base_currency": (
        "VAT in {currency}: {amount}, at {rate} {currency} for 1 {foreign}.", "USt in {currency}: {amount}, Kurs {rate} {currency} für 1 {foreign}.",
        "TVA en {currency} : {amount}, au cours de {rate} {currency} pour 1 {foreign}.",
        "IVA en {currency}: {amount}, al cambio de {rate} {currency} por 1 {foreign}.",
        "IVA in {currency}: {amount}, al cambio di {rate} {currency} per 1 {foreign}.",
        "Btw in {currency}: {amount}, koers {rate} {currency} voor 1 {foreign}.", "VAT w {currency}: {amount}, kurs {rate} {currency} za 1 {foreign}.",
        "الضريبة بعملة {currency}: {amount} بسعر {rate} {currency} لكل 1 {foreign}.", "מע״מ ב-{currency}: {amount}, לפי שער {rate} {currency} ל-1 {foreign}.",
    ),
    "vat_id": ("VAT ID", "USt-IdNr.", "N° TVA", "NIF-IVA", "P. IVA", "Btw-nummer", "NIP UE", "الرقم الضريبي", "מספר עוסק"),
    "tax_number": (
        "Tax number", "Steuernummer", "N° fiscal", "NIF", "Codice fiscale", "Fiscaal nummer", "NIP", "رقم الضريبة", "מספר תיק",
    ),
    "iban": ("IBAN",) * 9,
    "bic": ("BIC",) * 9,
    "ship_to": (
        "Ship to", "Lieferung an", "Livrer à", "Enviar a", "Spedire a", "Verzenden naar", "Dostawa do", "الشحن إلى", "משלוח אל",
    ),
    "parcel": ("Parcel", "Paket", "Colis", "Paquete", "Collo", "Pakket", "Paczka", "الطرد", "חבילה"),
    "carrier": (
        "Carrier", "Versand mit", "Transporteur", "Transportista", "Corriere", "Vervoerder", "Przewoźnik", "شركة الشحن", "חברת שילוח",
    ),
    "tracking": (
        "Tracking number", "Sendungsnummer", "N° de suivi", "N.º de seguimiento", "N. di tracciamento", "Trackingnummer",
        "Numer przesyłki", "رقم التتبع", "מספר מעקב",
    ),
    "thanks": (
        "Thank you for your order.", "Vielen Dank für Ihre Bestellung.", "Merci pour votre commande.", "Gracias por su pedido.",
        "Grazie per il suo ordine.", "Bedankt voor uw bestelling.", "Dziękujemy za zamówienie.", "شكرًا لطلبكم.", "תודה על הזמנתכם.",
    ),
    "pick_up_code": (
        "Pick-up code", "Abholcode", "Code de retrait", "Código de recogida", "Codice di ritiro", "Afhaalcode", "Kod odbioru",
        "رمز الاستلام", "קוד איסוף",
    ),
    "return": ("Return", "Retoure", "Retour", "Devolución", "Reso", "Retour", "Zwrot", "الإرجاع", "החזרה"),
    "reason": ("Reason", "Grund", "Motif", "Motivo", "Motivo", "Reden", "Powód", "السبب", "סיבה"),
    "return_lead": (
        "Please put this slip into the parcel with the goods.", "Bitte legen Sie diesen Schein den Artikeln im Paket bei.",
        "Merci de joindre ce bon aux articles dans le colis.", "Incluya esta hoja en el paquete junto con los artículos.",
        "Inserire questo modulo nel pacco insieme agli articoli.", "Doe dit formulier bij de artikelen in het pakket.",
        "Prosimy dołączyć ten formularz do paczki z towarem.", "يرجى وضع هذا النموذج في الطرد مع البضاعة.", "נא לצרף טופס זה לחבילה עם הפריטים.",
    ),
    "return_to": (
        "Send to", "Senden an", "Envoyer à", "Enviar a", "Inviare a", "Versturen naar", "Wyślij na adres", "الإرسال إلى", "לשלוח אל",
    ),
    "location": ("Location", "Lagerort", "Emplacement", "Ubicación", "Ubicazione", "Locatie", "Miejsce", "الموقع", "מיקום"),
    "bin": ("Bin", "Fach", "Casier", "Casilla", "Scaffale", "Vak", "Półka", "الرف", "תא"),
    "done": ("Picked", "Gepickt", "Prélevé", "Preparado", "Prelevato", "Gepickt", "Pobrano", "تم", "לוקט"),
    "picked_by": (
        "Picked by", "Gepickt von", "Préparé par", "Preparado por", "Prelevato da", "Gepickt door", "Skompletował", "انتقاه", "לוקט על ידי",
    ),
    "checked_by": (
        "Checked by", "Geprüft von", "Vérifié par", "Comprobado por", "Controllato da", "Gecontroleerd door", "Sprawdził", "فحصه", "נבדק על ידי",
    ),
    "erased": (
        "Erased at the person’s request", "Auf Wunsch der Person gelöscht", "Effacé à la demande de la personne",
        "Borrado a petición de la persona", "Cancellato su richiesta della persona", "Gewist op verzoek van de persoon",
        "Usunięto na żądanie osoby", "حُذف بناءً على طلب الشخص", "נמחק לבקשת האדם",
    ),
    "page": (
        "Page {page} of {pages}", "Seite {page} von {pages}", "Page {page} sur {pages}", "Página {page} de {pages}",
        "Pagina {page} di {pages}", "Pagina {page} van {pages}", "Strona {page} z {pages}", "صفحة {page} من {pages}", "עמוד {page} מתוך {pages}",
    ),
}  # fmt: skip


class Words:
    """Words of one language; ``words("paid", amount="9 €")``."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else FALLBACK
        self._index = LANGUAGES.index(self.language)

    def __call__(self, key: str, **values: str) -> str:
        text = _WORDS[key][self._index]
        return text.format(**values) if values else text

    def raw(self, key: str) -> str:
        """A word with its placeholders."""
        return _WORDS[key][self._index]

    @property
    def direction(self) -> str:
        """ "rtl" or "ltr"."""
        return str(Locale.parse(self.language).text_direction)


def language_for(*, locale: str | None, country: str | None, fallback: str) -> str:
    """The buyer's language: what they chose, else what is spoken where the bill goes, else the merchant's choice."""
    chosen = (locale or "").replace("-", "_").partition("_")[0].lower()
    if chosen in LANGUAGES:
        return chosen
    return OF_COUNTRY.get(country or "", fallback if fallback in LANGUAGES else FALLBACK)


def locale_for(language: str, country: str | None) -> str:
    """How figures and dates are written for a reader of *language* in *country*."""
    for name in (f"{language}_{country}" if country else language, language):
        try:
            return str(Locale.parse(name))
        except (UnknownLocaleError, ValueError):
            continue
    return FALLBACK


def checked_words() -> list[str]:
    """Keys that lack a language; a test reads it."""
    return [key for key, texts in _WORDS.items() if len(texts) != len(LANGUAGES) or not all(texts)]
