"""The words on documents, in the reader's language."""

from __future__ import annotations

from typing import Final

from babel import Locale, UnknownLocaleError

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pl", "ar", "he", "ja")
LANGUAGE_NAMES: Final = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch", "pl": "Polish",
    "ar": "Arabic", "he": "Hebrew", "ja": "Japanese",
}  # fmt: skip
FALLBACK: Final = "en"
# The language of a country's buyers, where the order and the customer say none.
OF_COUNTRY: Final = {
    "AT": "de", "DE": "de", "LI": "de", "FR": "fr", "LU": "fr", "MC": "fr", "ES": "es", "MX": "es", "AR": "es", "CL": "es",
    "CO": "es", "PE": "es", "UY": "es", "IT": "it", "SM": "it", "VA": "it", "NL": "nl", "PL": "pl", "AE": "ar", "BH": "ar",
    "EG": "ar", "JO": "ar", "KW": "ar", "LB": "ar", "OM": "ar", "QA": "ar", "SA": "ar", "IL": "he", "JP": "ja", "GB": "en", "IE": "en",
    "US": "en", "AU": "en", "NZ": "en",
}  # fmt: skip

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "invoice": ("Invoice", "Rechnung", "Facture", "Factura", "Fattura", "Factuur", "Faktura", "فاتورة", "חשבונית", "請求書"),
    "credit_note": (
        "Credit note", "Rechnungskorrektur", "Avoir", "Factura rectificativa", "Nota di credito", "Creditnota",
        "Faktura korygująca", "إشعار دائن", "חשבונית זיכוי",
        "返金明細書",
    ),
    "packing_slip": (
        "Packing slip", "Lieferschein", "Bon de livraison", "Albarán", "Documento di trasporto", "Pakbon",
        "Dokument wydania", "قائمة التعبئة", "תעודת משלוח",
        "納品書",
    ),
    "pick_list": (
        "Pick list", "Pickliste", "Liste de prélèvement", "Lista de preparación", "Lista di prelievo", "Picklijst",
        "Lista kompletacji", "قائمة الانتقاء", "רשימת ליקוט",
        "ピッキングリスト",
    ),
    "return_slip": (
        "Return slip", "Retourenschein", "Bon de retour", "Hoja de devolución", "Modulo di reso", "Retourformulier",
        "Formularz zwrotu", "نموذج الإرجاع", "טופס החזרה",
        "返品票",
    ),
    "invoice_number": (
        "Invoice number", "Rechnungsnummer", "Numéro de facture", "Número de factura", "Numero fattura", "Factuurnummer",
        "Numer faktury", "رقم الفاتورة", "מספר חשבונית",
        "請求書番号",
    ),
    "credit_note_number": (
        "Credit note number", "Korrekturnummer", "Numéro d’avoir", "Número de rectificativa", "Numero nota di credito",
        "Creditnotanummer", "Numer korekty", "رقم الإشعار", "מספר זיכוי",
        "返金明細書番号",
    ),
    "issued_on": (
        "Date of issue", "Rechnungsdatum", "Date d’émission", "Fecha de expedición", "Data di emissione", "Factuurdatum",
        "Data wystawienia", "تاريخ الإصدار", "תאריך הפקה",
        "発行日",
    ),
    "dated": ("Date", "Datum", "Date", "Fecha", "Data", "Datum", "Data", "التاريخ", "תאריך", "日付"),
    "supplied_on": (
        "Date of supply", "Leistungsdatum", "Date de livraison", "Fecha de la operación", "Data dell’operazione",
        "Leveringsdatum", "Data dostawy", "تاريخ التوريد", "תאריך אספקה",
        "取引年月日",
    ),
    "due_on": (
        "Payment due", "Zahlbar bis", "Échéance", "Vencimiento", "Scadenza", "Te betalen vóór", "Termin płatności",
        "تاريخ الاستحقاق", "לתשלום עד",
        "お支払期限",
    ),
    "order": ("Order", "Bestellung", "Commande", "Pedido", "Ordine", "Bestelling", "Zamówienie", "الطلب", "הזמנה", "ご注文番号"),
    "ordered_on": (
        "Ordered on", "Bestellt am", "Commandé le", "Pedido el", "Ordinato il", "Besteld op", "Data zamówienia",
        "تاريخ الطلب", "תאריך הזמנה",
        "ご注文日",
    ),
    "buyer_vat_id": (
        "Your VAT ID", "Ihre USt-IdNr.", "Votre n° TVA", "Su NIF-IVA", "Vostra P. IVA", "Uw btw-nummer", "NIP nabywcy",
        "رقمكم الضريبي", "מספר עוסק שלכם",
        "貴社VAT番号",
    ),
    "position": ("No.", "Pos.", "N°", "N.º", "N.", "Nr.", "Lp.", "م", "מס׳", "No."),
    "item": ("Item", "Artikel", "Article", "Artículo", "Articolo", "Artikel", "Towar", "الصنف", "פריט", "品名"),
    "quantity": ("Qty", "Menge", "Qté", "Cant.", "Q.tà", "Aantal", "Ilość", "الكمية", "כמות", "数量"),
    "unit_price": (
        "Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario", "Prezzo unitario", "Prijs per stuk",
        "Cena jedn.", "سعر الوحدة", "מחיר ליחידה",
        "単価",
    ),
    "discount": ("Discount", "Rabatt", "Remise", "Descuento", "Sconto", "Korting", "Rabat", "الخصم", "הנחה", "値引"),
    "tax": ("VAT", "USt", "TVA", "IVA", "IVA", "Btw", "VAT", "الضريبة", "מע״מ", "税"),
    "amount": ("Amount", "Betrag", "Montant", "Importe", "Importo", "Bedrag", "Kwota", "المبلغ", "סכום", "金額"),
    "subtotal": (
        "Subtotal", "Zwischensumme", "Sous-total", "Subtotal", "Subtotale", "Subtotaal", "Suma częściowa",
        "المجموع الفرعي", "סכום ביניים",
        "小計",
    ),
    "tax_included": (
        "VAT included", "enthaltene USt", "dont TVA", "IVA incluido", "IVA inclusa", "waarvan btw", "w tym VAT",
        "شامل الضريبة", "כולל מע״מ",
        "内消費税",
    ),
    "net_total": (
        "Total without VAT", "Netto", "Total HT", "Base imponible", "Imponibile", "Totaal excl. btw", "Razem netto",
        "الإجمالي بدون ضريبة", "סה״כ לפני מע״מ",
        "税抜合計",
    ),
    "total": ("Total", "Gesamtbetrag", "Total TTC", "Total", "Totale", "Totaal", "Razem", "الإجمالي", "סה״כ", "合計"),
    "credited": (
        "Credited", "Gutschriftbetrag", "Montant crédité", "Importe abonado", "Importo accreditato", "Gecrediteerd bedrag",
        "Kwota korekty", "المبلغ المُعاد", "סכום הזיכוי",
        "返金合計",
    ),
    "tax_rate": (
        "VAT rate", "Steuersatz", "Taux de TVA", "Tipo de IVA", "Aliquota", "Btw-tarief", "Stawka VAT", "نسبة الضريبة",
        "שיעור מע״מ",
        "税率",
    ),
    "net": ("Net", "Netto", "HT", "Base", "Imponibile", "Netto", "Netto", "الصافي", "נטו", "税抜"),
    "gross": ("Gross", "Brutto", "TTC", "Total", "Totale", "Bruto", "Brutto", "الإجمالي", "ברוטו", "税込"),
    "shipping": ("Shipping", "Versand", "Livraison", "Envío", "Spedizione", "Verzending", "Wysyłka", "الشحن", "משלוח", "送料"),
    "fee": ("Fee", "Gebühr", "Frais", "Cargo", "Commissione", "Toeslag", "Opłata", "رسوم", "עמלה", "手数料"),
    "adjustment": (
        "Adjustment", "Anpassung", "Ajustement", "Ajuste", "Rettifica", "Correctie", "Korekta", "تسوية", "התאמה",
        "調整",
    ),
    "gift": (
        "Gift wrap", "Geschenkverpackung", "Papier cadeau", "Envoltorio de regalo", "Confezione regalo",
        "Cadeauverpakking", "Opakowanie na prezent", "تغليف هدية", "אריזת מתנה",
        "ギフト包装",
    ),
    "donation": ("Donation", "Spende", "Don", "Donación", "Donazione", "Donatie", "Darowizna", "تبرع", "תרומה", "寄付"),
    "refers_to": (
        "This credit note corrects invoice {number} of {date}.", "Diese Rechnungskorrektur bezieht sich auf Rechnung {number} vom {date}.",
        "Cet avoir rectifie la facture {number} du {date}.", "Esta factura rectifica la factura {number} de {date}.",
        "La presente nota di credito rettifica la fattura {number} del {date}.", "Deze creditnota corrigeert factuur {number} van {date}.",
        "Korekta dotyczy faktury {number} z dnia {date}.", "يصحح هذا الإشعار الفاتورة {number} بتاريخ {date}.",
        "זיכוי זה מתקן את חשבונית {number} מיום {date}.",
        "本書は{date}付の請求書{number}を訂正するものです。",
    ),
    # Goods that a business in another member state buys are exempt where they leave (article 138) and taxed where they arrive.
    "reverse_charge": (
        "Reverse charge: the buyer accounts for the VAT. Exempt intra-Community supply (art. 138 Directive 2006/112/EC).",
        "Steuerschuldnerschaft des Leistungsempfängers. Steuerfreie innergemeinschaftliche Lieferung (Art. 138 Richtlinie 2006/112/EG).",
        "Autoliquidation : la TVA est due par l’acquéreur. Livraison intracommunautaire exonérée (art. 138 de la directive 2006/112/CE).",
        "Inversión del sujeto pasivo: el IVA lo liquida el adquirente. Entrega intracomunitaria exenta (art. 138 de la Directiva 2006/112/CE).",
        "Inversione contabile: l’IVA è dovuta dal cessionario. Cessione intracomunitaria non imponibile (art. 138 della direttiva 2006/112/CE).",
        "Btw verlegd: de afnemer is de btw verschuldigd. Vrijgestelde intracommunautaire levering (art. 138 richtlijn 2006/112/EG).",
        "Odwrotne obciążenie: podatek rozlicza nabywca. Zwolniona dostawa wewnątrzwspólnotowa (art. 138 dyrektywy 2006/112/WE).",
        "الاحتساب العكسي: المشتري هو الملزم بالضريبة. توريد داخل الاتحاد معفى (المادة 138 من التوجيه 2006/112/EC).",
        "חיוב הפוך: הקונה חייב במע״מ. אספקה תוך־קהילתית פטורה (סעיף 138 להנחיה 2006/112/EC).",
        "リバースチャージ：VATは買主が納付します。EU域内供給につき免税（指令2006/112/EC第138条）。",
    ),
    "export": (
        "VAT exempt: export outside the European Union or the country of dispatch.", "Steuerfreie Ausfuhrlieferung.", "Exonération de TVA : exportation.",
        "Operación exenta de IVA: exportación.", "Operazione non imponibile IVA: esportazione.", "Btw 0%: uitvoer.",
        "Eksport towarów – stawka 0%.", "معفى من الضريبة: تصدير.", "פטור ממע״מ: יצוא.",
        "輸出につき免税。",
    ),
    "exempt": (
        "Exempt from VAT.", "Umsatzsteuerfrei.", "Exonéré de TVA.", "Operación exenta de IVA.", "Operazione esente IVA.", "Vrijgesteld van btw.",
        "Zwolnione z VAT.", "معفى من ضريبة القيمة المضافة.", "פטור ממע״מ.",
        "非課税。",
    ),
    "paid": ("Paid: {amount}.", "Bezahlt: {amount}.", "Payé : {amount}.", "Pagado: {amount}.", "Pagato: {amount}.", "Betaald: {amount}.",
             "Zapłacono: {amount}.", "المدفوع: {amount}.", "שולם: {amount}.",
        "お支払済み：{amount}",
    ),
    "to_pay": (
        "Please pay {amount} by {date}, with {number} as reference.", "Bitte zahlen Sie {amount} bis zum {date} unter Angabe von {number}.",
        "Merci de régler {amount} avant le {date}, en rappelant {number}.", "Le rogamos que abone {amount} antes del {date}, indicando {number}.",
        "Si prega di versare {amount} entro il {date}, indicando {number}.", "Wij verzoeken u {amount} vóór {date} te betalen onder vermelding van {number}.",
        "Prosimy o zapłatę {amount} do {date} z podaniem numeru {number}.", "يرجى دفع {amount} قبل {date} مع ذكر {number}.",
        "נא לשלם {amount} עד {date} בציון {number}.",
        "{date}までに{amount}をお支払いください。お支払いの際は{number}をご記入ください。",
    ),
    "in_base_currency": (
        "VAT in {currency}: {amount}, at {rate} {currency} for 1 {foreign}.", "USt in {currency}: {amount}, Kurs {rate} {currency} für 1 {foreign}.",
        "TVA en {currency} : {amount}, au cours de {rate} {currency} pour 1 {foreign}.",
        "IVA en {currency}: {amount}, al cambio de {rate} {currency} por 1 {foreign}.",
        "IVA in {currency}: {amount}, al cambio di {rate} {currency} per 1 {foreign}.",
        "Btw in {currency}: {amount}, koers {rate} {currency} voor 1 {foreign}.", "VAT w {currency}: {amount}, kurs {rate} {currency} za 1 {foreign}.",
        "الضريبة بعملة {currency}: {amount} بسعر {rate} {currency} لكل 1 {foreign}.", "מע״מ ב-{currency}: {amount}, לפי שער {rate} {currency} ל-1 {foreign}.",
        "{currency}での税額：{amount}（1 {foreign} = {rate} {currency}）",
    ),
    "vat_id": ("VAT ID", "USt-IdNr.", "N° TVA", "NIF-IVA", "P. IVA", "Btw-nummer", "NIP UE", "الرقم الضريبي", "מספר עוסק", "登録番号"),
    "tax_number": (
        "Tax number", "Steuernummer", "N° fiscal", "NIF", "Codice fiscale", "Fiscaal nummer", "NIP", "رقم الضريبة", "מספר תיק",
        "税務番号",
    ),
    "iban": ("IBAN",) * 10,
    "bic": ("BIC",) * 10,
    "ship_to": (
        "Ship to", "Lieferung an", "Livrer à", "Enviar a", "Spedire a", "Verzenden naar", "Dostawa do", "الشحن إلى", "משלוח אל",
        "お届け先",
    ),
    "parcel": ("Parcel", "Paket", "Colis", "Paquete", "Collo", "Pakket", "Paczka", "الطرد", "חבילה", "荷物"),
    "carrier": (
        "Carrier", "Versand mit", "Transporteur", "Transportista", "Corriere", "Vervoerder", "Przewoźnik", "شركة الشحن", "חברת שילוח",
        "配送業者",
    ),
    "tracking": (
        "Tracking number", "Sendungsnummer", "N° de suivi", "N.º de seguimiento", "N. di tracciamento", "Trackingnummer",
        "Numer przesyłki", "رقم التتبع", "מספר מעקב",
        "お問い合わせ番号",
    ),
    "thanks": (
        "Thank you for your order.", "Vielen Dank für Ihre Bestellung.", "Merci pour votre commande.", "Gracias por su pedido.",
        "Grazie per il suo ordine.", "Bedankt voor uw bestelling.", "Dziękujemy za zamówienie.", "شكرًا لطلبكم.", "תודה על הזמנתכם.",
        "ご注文ありがとうございます。",
    ),
    "pick_up_code": (
        "Pick-up code", "Abholcode", "Code de retrait", "Código de recogida", "Codice di ritiro", "Afhaalcode", "Kod odbioru",
        "رمز الاستلام", "קוד איסוף",
        "受取コード",
    ),
    "return": ("Return", "Retoure", "Retour", "Devolución", "Reso", "Retour", "Zwrot", "الإرجاع", "החזרה", "返品"),
    "reason": ("Reason", "Grund", "Motif", "Motivo", "Motivo", "Reden", "Powód", "السبب", "סיבה", "理由"),
    "return_lead": (
        "Please put this slip into the parcel with the goods.", "Bitte legen Sie diesen Schein den Artikeln im Paket bei.",
        "Merci de joindre ce bon aux articles dans le colis.", "Incluya esta hoja en el paquete junto con los artículos.",
        "Inserire questo modulo nel pacco insieme agli articoli.", "Doe dit formulier bij de artikelen in het pakket.",
        "Prosimy dołączyć ten formularz do paczki z towarem.", "يرجى وضع هذا النموذج في الطرد مع البضاعة.", "נא לצרף טופס זה לחבילה עם הפריטים.",
        "この票を商品と一緒に箱へ入れてください。",
    ),
    "return_to": (
        "Send to", "Senden an", "Envoyer à", "Enviar a", "Inviare a", "Versturen naar", "Wyślij na adres", "الإرسال إلى", "לשלוח אל",
        "返送先",
    ),
    "location": ("Location", "Lagerort", "Emplacement", "Ubicación", "Ubicazione", "Locatie", "Miejsce", "الموقع", "מיקום", "倉庫"),
    "bin": ("Bin", "Fach", "Casier", "Casilla", "Scaffale", "Vak", "Półka", "الرف", "תא", "棚"),
    "done": ("Picked", "Gepickt", "Prélevé", "Preparado", "Prelevato", "Gepickt", "Pobrano", "تم", "לוקט", "済"),
    "picked_by": (
        "Picked by", "Gepickt von", "Préparé par", "Preparado por", "Prelevato da", "Gepickt door", "Skompletował", "انتقاه", "לוקט על ידי",
        "作業者",
    ),
    "checked_by": (
        "Checked by", "Geprüft von", "Vérifié par", "Comprobado por", "Controllato da", "Gecontroleerd door", "Sprawdził", "فحصه", "נבדק על ידי",
        "確認者",
    ),
    "erased": (
        "Erased at the person’s request", "Auf Wunsch der Person gelöscht", "Effacé à la demande de la personne",
        "Borrado a petición de la persona", "Cancellato su richiesta della persona", "Gewist op verzoek van de persoon",
        "Usunięto na żądanie osoby", "حُذف بناءً على طلب الشخص", "נמחק לבקשת האדם",
        "ご本人の請求により削除されました",
    ),
    "page": (
        "Page {page} of {pages}", "Seite {page} von {pages}", "Page {page} sur {pages}", "Página {page} de {pages}",
        "Pagina {page} di {pages}", "Pagina {page} van {pages}", "Strona {page} z {pages}", "صفحة {page} من {pages}", "עמוד {page} מתוך {pages}",
        "{page} / {pages} ページ",
    ),
}  # fmt: skip


# What English speakers say where the tax on sales is no VAT.
WITHOUT_VAT: Final = frozenset({"US", "CA", "AU", "NZ", "SG", "IN", "JP", "HK", "MY"})
_PLAIN_TAX: Final = {
    "tax": "Tax", "tax_rate": "Tax rate", "tax_included": "Tax included", "net_total": "Total before tax", "vat_id": "Tax ID",
    "buyer_vat_id": "Your tax ID", "export": "No tax is charged: the goods leave the country.", "exempt": "Exempt from tax.",
    "in_base_currency": "Tax in {currency}: {amount}, at {rate} {currency} for 1 {foreign}.",
}  # fmt: skip


class Words:
    """Words of one language; ``words("paid", amount="9 €")``.

    Args:
        seller: the seller's country, whose law names the tax.
    """

    def __init__(self, language: str, seller: str | None = None) -> None:
        self.language = language if language in LANGUAGES else FALLBACK
        self._index = LANGUAGES.index(self.language)
        self._own = _PLAIN_TAX if self.language == "en" and seller in WITHOUT_VAT else {}

    def __call__(self, key: str, **values: str) -> str:
        text = self.raw(key)
        return text.format(**values) if values else text

    def raw(self, key: str) -> str:
        """A word with its placeholders."""
        return self._own.get(key) or _WORDS[key][self._index]

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
